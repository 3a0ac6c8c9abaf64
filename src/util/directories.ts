import { existsSync, mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { isErrno } from './errors.ts';

/**
 * Makes a directory and the parents it lacks, level by level: Node's own `recursive` never returns where the kernel
 * answers ENOENT for a place like /proc.
 */
export function makeDirectories(path: string): void {
  if (existsSync(path)) return;
  makeDirectories(dirname(path));
  try {
    mkdirSync(path);
  } catch (error) {
    if (!isErrno(error, 'EEXIST')) throw error;
  }
}
