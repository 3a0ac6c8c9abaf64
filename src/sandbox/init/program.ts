import { accessSync, constants, statSync } from 'node:fs';
import { posix } from 'node:path';

/** Where a command lies, looked up as execvp(3) does, in the `PATH` of that environment. */
export function locateProgram(command: string, env: readonly string[], cwd: string): string {
  if (command.includes('/')) return posix.resolve(cwd, command);
  const path = env.findLast(each => each.startsWith('PATH='))?.slice('PATH='.length) ?? '/usr/bin:/bin';
  const found = path
    .split(':')
    .map(directory => posix.resolve(cwd, directory, command))
    .find(isProgram);
  if (found === undefined) throw new Error(`executable file \`${command}\` not found in $PATH`);
  return found;
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
