import { execFile } from 'node:child_process';
import {
  constants,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  statfsSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import type { Check } from './check.ts';
import { quote } from './shell.ts';

/** File systems by the numbers that statfs(2) knows them by. */
const fileSystems = new Map([
  [0xef53, 'ext4'],
  [0x58465342, 'XFS'],
  [0x9123683e, 'Btrfs'],
  [0x794c7630, 'overlayfs'],
  [0x01021994, 'tmpfs'],
  [0x6969, 'NFS'],
  [0x2fc12fc1, 'ZFS'],
  [0xf2f52010, 'F2FS'],
  [0x65735546, 'FUSE'],
  [0xca451a4e, 'bcachefs'],
]);

/** Bytes below which a build of any size will fail, and below which a large one may. */
const [scarce, little] = [500e6, 5e9];

export async function checkStore(root: string): Promise<Check> {
  const name = 'store';
  const type = statfsSync(nearestExisting(root)).type;
  const found = `${root} on ${fileSystems.get(type) ?? `a file system of type 0x${type.toString(16)}`}`;
  const scratch = scratchIn(root);
  if (scratch === undefined)
    return {
      name,
      status: 'fail',
      found: `${found}, not writable`,
      advice: 'Set STAGECRAFT_ROOT to a directory of yours.',
    };
  try {
    writeFileSync(join(scratch, 'from'), 'x');
    copyFileSync(join(scratch, 'from'), join(scratch, 'to'), constants.COPYFILE_FICLONE_FORCE);
    return { name, status: 'ok', found: `${found}, copies share their data` };
  } catch {
    return { name, status: 'ok', found };
  } finally {
    rmSync(scratch, { recursive: true });
  }
}

export async function checkSpace(root: string): Promise<Check> {
  const name = 'disk space';
  const { bavail, bsize } = statfsSync(nearestExisting(root));
  const free = bavail * bsize;
  const found = `${(free / 1e9).toFixed(1)} GB free`;
  const advice = 'Make space, for example with `stagecraft prune`.';
  if (free < little) return { name, status: free < scarce ? 'fail' : 'warn', found, advice };
  return { name, status: 'ok', found };
}

/** Mounts an overlay where the layers will be, as this user would. */
export async function checkOverlay(root: string, asUser: boolean): Promise<Check> {
  const name = 'overlayfs';
  const dir = scratchIn(root);
  if (dir === undefined) {
    const advice = 'Set STAGECRAFT_ROOT to a directory of yours.';
    return { name, status: 'fail', found: 'cannot be tried, since the store is not writable', advice };
  }
  try {
    for (const each of ['lower', 'upper', 'work', 'merged']) mkdirSync(join(dir, each));
    const options = `lowerdir=lower,upperdir=upper,workdir=work${asUser ? ',userxattr' : ''}`;
    // The kernel makes a directory that only the namespace's root can remove.
    const script = `cd ${quote(dir)} && mount -t overlay overlay -o ${options} merged && echo x >merged/file
      status=$?; umount merged 2>/dev/null; rm -rf work; exit $status`;
    const namespace = asUser ? ['--user', '--map-root-user'] : [];
    const problem = await new Promise<string | undefined>(resolve => {
      execFile('unshare', [...namespace, '--mount', 'sh', '-c', script], (error, _, stderr) =>
        resolve(
          error === null ? undefined : (stderr.trim().split('\n')[0] || error.message).replace(/\.$/, ''),
        ),
      );
    });
    if (problem === undefined)
      return { name, status: 'ok', found: asUser ? 'works for ordinary users' : 'works' };
    const advice = asUser
      ? 'Linux 5.11 or later, and a store on ext4, XFS or Btrfs, let ordinary users mount overlays.'
      : 'Put the store on ext4, XFS or Btrfs: overlays cannot be mounted upon each other or on network file systems.';
    return { name, status: 'fail', found: problem, advice };
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

/** A new directory in the store, or where it will be; nothing if there can be none. */
/** A new directory where the store is or would be; nothing where it cannot be made. */
export function scratchIn(root: string): string | undefined {
  try {
    return mkdtempSync(join(nearestExisting(root), '.stagecraft-doctor-'));
  } catch {
    return undefined;
  }
}

function nearestExisting(path: string): string {
  return existsSync(path) ? path : nearestExisting(dirname(path));
}
