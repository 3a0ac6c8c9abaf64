import { posix } from 'node:path';
import { StagecraftError } from '../util/errors.ts';

/**
 * A path as Windows writes it, in the form that graphs have: with slashes, without its drive, which must be C:, and
 * tidied. One that is relative stays so.
 * @throws StagecraftError `dockerfile` without a place
 */
export function fromWindows(path: string): string {
  const slashed = path.replaceAll('\\', '/');
  if (slashed.startsWith('//')) throw refused(path, 'it is on another machine');
  const [, drive, rest = ''] = /^([^:]*):(.*)$/s.exec(slashed) ?? [];
  if (drive === undefined) return tidy(slashed);
  if (drive.toUpperCase() !== 'C') throw refused(path, 'it is not on the drive C:');
  if (rest === '') throw refused(path, 'it names a drive alone');
  return tidy(rest);
}

/** As Windows writes it. */
export function toWindows(path: string): string {
  return path.replaceAll('/', '\\');
}

function tidy(path: string): string {
  return path === '' ? '' : posix.normalize(path);
}

function refused(path: string, why: string): StagecraftError {
  return new StagecraftError('dockerfile', `The path "${path}" cannot be used: ${why}.`, {
    hint: 'Write a path on the drive C:, such as C:\\app, or one without a drive.',
  });
}
