import { join } from 'node:path';

let count = 0;

/**
 * A new path for something that is not complete yet, on the same file system as its later place. What a crash leaves
 * there is removed by the next collection.
 */
export function ingestPath(root: string, kind: string): string {
  count += 1;
  return join(root, 'ingest', `${kind}-${process.pid}-${Date.now().toString(36)}-${count}`);
}

/** Where the first bytes of a blob lie until the rest is there: the same for all who bring it, one at a time. */
export function partialPath(root: string, hex: string): string {
  return join(root, 'ingest', `part-${hex}`);
}
