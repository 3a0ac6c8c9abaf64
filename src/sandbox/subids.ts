import { readFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { isErrno } from '../util/errors.ts';

/** Ids of the machine that a user may use in namespaces of their own. */
export interface IdRange {
  readonly start: number;
  readonly count: number;
}

/** The subordinate ids that `/etc/subuid` and `/etc/subgid` (subuid(5)) give this user; nothing if one gives none. */
export function subordinateIds(): { uids: IdRange[]; gids: IdRange[] } | undefined {
  const names = userNames();
  const uids = rangesFor(names, readIds('/etc/subuid'));
  const gids = rangesFor(names, readIds('/etc/subgid'));
  return uids.length > 0 && gids.length > 0 ? { uids, gids } : undefined;
}

/** The ranges of a user, known by any of these names, in the text of a subuid(5) file. */
export function rangesFor(names: readonly string[], text: string): IdRange[] {
  return text.split('\n').flatMap(line => {
    const [name, start, count] = line.trim().split(':');
    if (!names.includes(name ?? '') || !/^\d+$/.test(start ?? '') || !/^\d+$/.test(count ?? '')) return [];
    return Number(count) > 0 ? [{ start: Number(start), count: Number(count) }] : [];
  });
}

/** 65536 ids, `FIRST-LAST`, that nobody has in the text of subuid(5) files: two users must not share any. */
export function freeRange(text: string): string {
  const ends = text.split('\n').map(line => {
    const [, start, count] = line.trim().split(':');
    return Number(start) + Number(count);
  });
  const first = Math.max(100000, ...ends.filter(Number.isFinite));
  return `${first}-${first + 65535}`;
}

/** An id map as newuidmap(1) takes it: this user as root, then the ranges from 1 on. */
export function mapArguments(own: number, ranges: readonly IdRange[]): string[] {
  let next = 1;
  const rest = ranges.flatMap(({ start, count }) => {
    const inside = next;
    next += count;
    return [inside, start, count];
  });
  return [0, own, 1, ...rest].map(String);
}

/** The text of a subuid(5) file; nothing where there is none. */
export function readIds(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (isErrno(error, 'ENOENT', 'EACCES')) return '';
    throw error;
  }
}

/** The names that a user has in these files: the login name, and the number. */
export function userNames(): string[] {
  const uid = String(process.getuid!());
  try {
    return [userInfo().username, uid];
  } catch {
    // No entry in the user database, as in many containers.
    return [uid];
  }
}
