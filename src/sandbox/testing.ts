import {
  copyFileSync,
  existsSync,
  lchownSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { openRung, type RungName } from './choose.ts';
import type { ExitStatus, SandboxSpec } from './types.ts';

const busybox = '/bin/busybox';
const applets = [
  'sh',
  'cat',
  'chmod',
  'env',
  'hostname',
  'id',
  'ifconfig',
  'ls',
  'mkdir',
  'nc',
  'ps',
  'rm',
  'sleep',
].concat([
  'stat',
  'touch',
  'true',
  'mknod',
  'head',
  'stty',
  'chown',
  'unshare',
  'wc',
  'mount',
  'grep',
  'echo',
  'readlink',
  'chroot',
  'kill',
  'tty',
  'dd',
]);

/** Why no sandbox can be tried on this machine; nothing if it can. */
export const cannotRun =
  process.getuid!() !== 0 ? 'needs root' : existsSync(busybox) ? false : 'needs busybox-static';

/** Layers on disk in the manner of a store, with a root file system made of busybox. */
export class LayerFixture {
  readonly dir: string;
  readonly base: string;
  #count = 0;

  constructor(parent = '/tmp') {
    this.dir = mkdtempSync(join(parent, 'stagecraft-sandbox-'));
    this.base = this.layer({
      'etc/passwd': 'root:x:0:0::/:/bin/sh\n',
      'etc/hosts': '',
      'etc/resolv.conf': '',
    });
    for (const name of ['bin', 'dev', 'proc', 'sys', 'tmp', 'root']) mkdirSync(join(this.base, name));
    copyFileSync(busybox, join(this.base, 'bin/busybox'));
    for (const name of applets) symlinkSync('busybox', join(this.base, 'bin', name));
  }

  /** A new layer directory with these files in it. */
  layer(files: Record<string, string> = {}): string {
    const dir = join(this.dir, 'layers', String(this.#count++), 'fs');
    mkdirSync(dir, { recursive: true });
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(join(dir, path, '..'), { recursive: true });
      writeFileSync(join(dir, path), text);
    }
    return dir;
  }

  /** An empty directory to write to, with its work directory. */
  upper(): { dir: string; workDir: string } {
    const dir = this.layer();
    const workDir = join(dir, '../work');
    mkdirSync(workDir);
    return { dir, workDir };
  }

  /** Makes all of it a user's. */
  giveTo(uid: number): void {
    for (const path of ['', ...filesBelow(this.dir)]) lchownSync(join(this.dir, path), uid, uid);
  }

  remove(): void {
    rmSync(this.dir, { recursive: true, force: true });
  }
}

/** What a run printed and how it ended. */
export interface Outcome extends ExitStatus {
  out: string;
  err: string;
  upper: string;
}

/** Runs a shell line on a rung in a fixture's root file system. */
export async function runLine(
  rung: RungName,
  fixture: LayerFixture,
  line: string,
  more: Partial<SandboxSpec> = {},
): Promise<Outcome> {
  const output: [Buffer[], Buffer[]] = [[], []];
  const upper = fixture.upper();
  const sandbox = await openRung(rung);
  const status = await sandbox.run({
    layers: [fixture.base],
    upper,
    mounts: [],
    args: ['/bin/sh', '-c', line],
    env: ['PATH=/bin'],
    cwd: '/',
    user: { uid: 0, gid: 0, additionalGids: [] },
    network: 'host',
    hostname: 'buildkitsandbox',
    extraHosts: [],
    security: 'sandbox',
    stdio: (stream, data) => output[stream - 1]!.push(Buffer.from(data)),
    ...more,
  });
  const [out, err] = output.map(parts => Buffer.concat(parts).toString()) as [string, string];
  return { ...status, out, err, upper: upper.dir };
}

/** Paths of everything below a directory, relative to it, sorted. */
export function filesBelow(dir: string): string[] {
  return readdirSync(dir, { recursive: true, encoding: 'utf8' }).sort();
}

/** Ids of the machine's processes whose environment or arguments hold a text. */
export function processesWith(text: string): number[] {
  return readdirSync('/proc')
    .filter(name => /^\d+$/.test(name) && Number(name) !== process.pid)
    .filter(name =>
      [`/proc/${name}/cmdline`, `/proc/${name}/environ`].some(path => readOrEmpty(path).includes(text)),
    )
    .map(Number);
}

/** True if a mount namespace of any process of the machine has a mount with this text in it. */
export function mountedAnywhere(text: string): boolean {
  return readdirSync('/proc').some(
    name => /^\d+$/.test(name) && readOrEmpty(`/proc/${name}/mountinfo`).includes(text),
  );
}

function readOrEmpty(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    // The process ended meanwhile, or is another user's.
    return '';
  }
}
