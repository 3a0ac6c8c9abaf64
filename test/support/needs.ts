import { accessSync, constants } from 'node:fs';
import { join } from 'node:path';

const isRoot = process.getuid!() === 0;

/** What a test cannot do without: names of programs, or `root`. Returns what `skip` of a test takes. */
export function needs(...wanted: readonly string[]): string | false {
  const missing = wanted.filter(name => (name === 'root' ? !isRoot : findProgram(name) === undefined));
  if (missing.length === 0) return false;
  return `needs ${missing.map(name => (name === 'root' ? 'to run as root' : `${name}, which is not installed`)).join(' and ')}`;
}

/** Where a program is, also one that only root's search path has. */
export function findProgram(name: string): string | undefined {
  if (name.startsWith('/')) return isProgram(name) ? name : undefined;
  const directories = `${process.env.PATH ?? ''}:/usr/sbin:/sbin`.split(':').filter(Boolean);
  return directories.map(directory => join(directory, name)).find(isProgram);
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
