import { readdirSync } from 'node:fs';
import { isErrno } from '../util/errors.ts';

/** Names in a directory of the store; none where it does not exist. */
export function entries(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return [];
    throw error;
  }
}
