import { readFileSync } from 'node:fs';
import { StagecraftError } from '../util/errors.ts';
import type { Store } from './store.ts';

/**
 * Holds a store to one mapping of user and group ids. Owners in layers are ids of the machine as this process sees
 * them: under another mapping (another range in `/etc/subuid`, or none) the same files would belong to others, and a
 * cached result would be a wrong one. The first to work in a store that has no layers decides.
 * @throws StagecraftError `unsupported` when the store's layers were made under another mapping
 */
export function holdIdMapping(store: Store, mapping: string = currentMapping()): void {
  store.transaction(() => {
    const row = store.prepare("SELECT value FROM properties WHERE name = 'id mapping'").get();
    if (row?.value === mapping) return;
    const isEmpty = store.prepare('SELECT 1 FROM layers LIMIT 1').get() === undefined;
    if (row !== undefined && !isEmpty) {
      throw new StagecraftError(
        'unsupported',
        `The layers in ${store.root} were made with other user ids (${row.value}) than this process has (${mapping}).`,
        {
          hint: 'Run `stagecraft prune --all` first, restore /etc/subuid and newuidmap, or set STAGECRAFT_ROOT to another place.',
        },
      );
    }
    store.prepare("INSERT OR REPLACE INTO properties VALUES ('id mapping', ?)").run(mapping);
  });
}

/** What user_namespaces(7) shows of this process: `inside outside count` for each range of user and group ids. */
function currentMapping(): string {
  const ranges = (file: string): string =>
    readFileSync(file, 'latin1')
      .trim()
      .split('\n')
      .map(line => line.trim().split(/\s+/).join(' '))
      .join(', ');
  return `users ${ranges('/proc/self/uid_map')}; groups ${ranges('/proc/self/gid_map')}`;
}
