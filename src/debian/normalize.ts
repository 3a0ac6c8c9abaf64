import type { DraftLayer, FileTree, LayerWriter } from '../snapshot/types.ts';
import { listXattrs, removeXattr } from '../syscall/xattrs.ts';
import type { ByteString } from '../util/bytes.ts';
import { Pace } from '../util/pace.ts';
import { readText, walk } from './image-files.ts';

/** Directories whose content tells of this run on this machine. A directory named here itself stays in its parent. */
const emptied = ['/run', '/run/lock', '/tmp', '/var/tmp', '/var/cache/ldconfig'];

/** Directories of which only the files do. */
const withoutFiles = ['/var/cache/apt', '/var/lib/apt/lists', '/var/log'];

/** Files that do: logs, locks, backups, identities. */
const removed = [
  '/etc/.pwd.lock',
  '/etc/group-',
  '/etc/gshadow-',
  '/etc/hostname',
  '/etc/hosts',
  '/etc/machine-id',
  '/etc/mtab',
  '/etc/passwd-',
  '/etc/resolv.conf',
  '/etc/shadow-',
  '/etc/subgid-',
  '/etc/subuid-',
  '/root/.rnd',
  '/var/cache/debconf/config.dat-old',
  '/var/cache/debconf/templates.dat-old',
  '/var/lib/dbus/machine-id',
  '/var/lib/dpkg/available',
  '/var/lib/dpkg/available-old',
  '/var/lib/dpkg/diversions-old',
  '/var/lib/dpkg/lock',
  '/var/lib/dpkg/lock-frontend',
  '/var/lib/dpkg/statoverride-old',
  '/var/lib/dpkg/status-old',
  '/var/lib/dpkg/triggers/Lock',
  '/var/lib/systemd/random-seed',
];

/**
 * Takes out of a root file system what differs from one run to the next, so that the same packages give the same
 * layer: logs, caches, locks, dates of accounts; and no time is later than the given one.
 */
export async function normalize(draft: DraftLayer, writer: LayerWriter, mtimeNs: bigint): Promise<void> {
  const { tree } = writer;
  for (const path of removed) writer.remove(path);
  for (const directory of emptied) empty(writer, directory);
  for (const directory of withoutFiles)
    for (const path of [...walkIfThere(tree, directory)])
      if (tree.lstat(path)?.type !== 'directory') writer.remove(path);
  fixAccountDates(writer, '/etc/shadow', mtimeNs);

  const pace = new Pace();
  for (const path of walk(tree, '/')) {
    const entry = tree.lstat(path)!;
    if (entry.mtimeNs > mtimeNs) writer.setMetadata(path, { mtimeNs });
    if (entry.type === 'directory') forgetOverlay(draft.dir + path);
    if (pace.due) await pace.rest();
  }
  writer.setMetadata('/', { mode: 0o755, uid: 0, gid: 0, mtimeNs });
  forgetOverlay(draft.dir);
}

function* walkIfThere(tree: FileTree, directory: ByteString): Generator<ByteString> {
  if (tree.lstat(directory)?.type === 'directory') yield* walk(tree, directory);
}

function empty(writer: LayerWriter, directory: ByteString): void {
  if (writer.tree.lstat(directory)?.type !== 'directory') return;
  for (const name of writer.tree.list(directory)) {
    const path = `${directory}/${name}`;
    if (!emptied.includes(path)) writer.remove(path);
  }
}

/** The day of the last change of a password (shadow(5), third field) becomes that of the image. */
function fixAccountDates(writer: LayerWriter, path: ByteString, mtimeNs: bigint): void {
  const text = readText(writer.tree, path);
  const entry = writer.tree.lstat(path);
  if (text === undefined || entry?.type !== 'file') return;
  const day = String(mtimeNs / 86_400_000_000_000n);
  const lines = text.split('\n').map(line => {
    const fields = line.split(':');
    if (fields.length < 9 || !/^\d+$/.test(fields[2]!)) return line;
    fields[2] = day;
    return fields.join(':');
  });
  const changed = lines.join('\n');
  if (changed !== text)
    writer.putFile(
      path,
      { data: Buffer.from(changed) },
      { mode: entry.mode, uid: entry.uid, gid: entry.gid, mtimeNs },
    );
}

/** What overlayfs noted on directories of the upper layer, though nothing lay below it. */
function forgetOverlay(directory: ByteString): void {
  for (const name of listXattrs(directory))
    if (/^(trusted|user)\.overlay\.(opaque|origin|impure|uuid)$/.test(name)) removeXattr(directory, name);
}
