import { walk } from '../../files/walk.ts';
import type { FileTree } from '../../snapshot/types.ts';
import type { ByteString } from '../../util/bytes.ts';
import { mayBeSecret } from '../secret-files.ts';

/** Paths of an image that checks ask for, found in one walk. */
export interface Inventory {
  /** `.git` directories of repositories. */
  readonly repositories: readonly ByteString[];
  /** Files whose names suggest that they hold secrets. */
  readonly suspects: readonly ByteString[];
  /** What npm, pnpm and composer note of their installations. */
  readonly npm: readonly ByteString[];
  readonly pnpm: readonly ByteString[];
  readonly composer: readonly ByteString[];
}

const known = new WeakMap<FileTree, Inventory>();

/** Looks through an image, once. */
export function findInImage(tree: FileTree): Inventory {
  let inventory = known.get(tree);
  if (inventory === undefined) {
    inventory = look(tree);
    known.set(tree, inventory);
  }
  return inventory;
}

function look(tree: FileTree): Inventory {
  const repositories: ByteString[] = [];
  const suspects: ByteString[] = [];
  const npm: ByteString[] = [];
  const pnpm: ByteString[] = [];
  const composer: ByteString[] = [];
  walk(tree, '/', (path, name, type) => {
    if (type === 'directory') {
      if (name !== '.git') return !systemDirectories.has(path);
      repositories.push(path);
      return false;
    }
    if (type !== 'file') return false;
    if (name === '.package-lock.json' && path.endsWith('/node_modules/.package-lock.json')) npm.push(path);
    else if (name === '.modules.yaml' && path.endsWith('/node_modules/.modules.yaml')) pnpm.push(path);
    else if (name === 'installed.json' && path.endsWith('/composer/installed.json')) composer.push(path);
    else if (mayBeSecret(path)) suspects.push(path);
    return false;
  });
  return { repositories, suspects, npm, pnpm, composer };
}

/** Where packages of the distribution keep what nobody put there by a Dockerfile. */
const systemDirectories = new Set([
  '/proc',
  '/sys',
  '/dev',
  '/usr/share',
  '/usr/lib',
  '/usr/lib64',
  '/usr/libexec',
  '/var/lib/dpkg',
  '/usr/local/go',
  '/etc/ssl/certs',
]);
