import { closeSync, fstatSync, readFileSync } from 'node:fs';
import { type ByteString, bytesFromText, textFromBytes } from '../util/bytes.ts';
import { StagecraftError } from '../util/errors.ts';
import type { FileTree } from './types.ts';

/** A user as a process of a container gets it. */
export interface ResolvedUser {
  readonly uid: number;
  readonly gid: number;
  /** Supplementary groups, without the primary one. */
  readonly additionalGids: readonly number[];
  /** From `/etc/passwd`; `/` where it does not say. */
  readonly home: string;
}

interface Account {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  readonly home: string;
}

interface Group {
  readonly name: string;
  readonly gid: number;
  readonly members: readonly string[];
}

/** Bytes of `/etc/passwd` or `/etc/group` at most. */
const maxSize = 10 << 20;
/** The kernel allows more; Docker and the runtimes do not. */
const maxId = 0x7fffffff;

/**
 * Resolves `user[:group]`, each a name or a number, as `USER` of a Dockerfile has it, against the accounts in a file
 * tree. Without a group: the user's own, and the groups it is a member of. With one: that one only. A number needs no
 * account; without an account its group is 0.
 * @throws StagecraftError `not-found` for a name without an account
 */
export function resolveUser(tree: FileTree, spec: string): ResolvedUser {
  const [userPart = '', groupPart = ''] = spec.split(':', 2);
  const uidWanted = userPart === '' ? 0 : numeric(userPart, spec);
  const account = readAccounts(tree).find(each =>
    uidWanted === undefined ? each.name === userPart : each.uid === uidWanted,
  );
  // Root is 0 everywhere, also in images that name nobody.
  const uid = account?.uid ?? uidWanted ?? (userPart === 'root' ? 0 : undefined);
  if (uid === undefined)
    throw new StagecraftError('not-found', `The user ${userPart} is not in /etc/passwd of the image.`, {
      hint: 'Create it in a RUN step before, or give a number.',
    });
  const home = account?.home || '/';
  if (groupPart !== '') {
    const gidWanted = numeric(groupPart, spec);
    const gid = gidWanted ?? findGroup(tree, groupPart) ?? (groupPart === 'root' ? 0 : undefined);
    if (gid === undefined)
      throw new StagecraftError('not-found', `The group ${groupPart} is not in /etc/group of the image.`, {
        hint: 'Create it in a RUN step before, or give a number.',
      });
    return { uid, gid, additionalGids: [], home };
  }
  const gid = account?.gid ?? 0;
  const additionalGids =
    account === undefined
      ? []
      : readGroups(tree)
          .filter(group => group.members.includes(account.name) && group.gid !== gid)
          .map(group => group.gid);
  return { uid, gid, additionalGids: [...new Set(additionalGids)], home };
}

/** The ids of a user by name; nothing where there is no such account. */
export function findUser(tree: FileTree, name: string): { uid: number; gid: number } | undefined {
  const account = readAccounts(tree).find(each => each.name === name);
  return account && { uid: account.uid, gid: account.gid };
}

/** The id of a group by name; nothing where there is no such group. */
export function findGroup(tree: FileTree, name: string): number | undefined {
  return readGroups(tree).find(each => each.name === name)?.gid;
}

function numeric(text: string, spec: string): number | undefined {
  if (!/^[+-]?[0-9]+$/.test(text)) return undefined;
  const value = Number(text);
  if (value < 0 || value > maxId)
    throw new StagecraftError('usage', `The user ${JSON.stringify(spec)} has a number beyond 0 to ${maxId}.`);
  return value;
}

function readAccounts(tree: FileTree): Account[] {
  const accounts: Account[] = [];
  for (const [name, , uid, gid, , home] of readTable(tree, '/etc/passwd'))
    if (name !== undefined && isId(uid) && isId(gid))
      accounts.push({ name, uid: Number(uid), gid: Number(gid), home: home ?? '' });
  return accounts;
}

function readGroups(tree: FileTree): Group[] {
  const groups: Group[] = [];
  for (const [name, , gid, members] of readTable(tree, '/etc/group'))
    if (name !== undefined && isId(gid))
      groups.push({
        name,
        gid: Number(gid),
        members: (members ?? '').split(',').filter(each => each !== ''),
      });
  return groups;
}

function isId(text: string | undefined): text is string {
  return text !== undefined && /^[0-9]{1,10}$/.test(text);
}

/** The lines of a colon-separated table: passwd(5), group(5). None where the file is missing or no file. */
function readTable(tree: FileTree, path: string): string[][] {
  const file: ByteString = tree.resolve(bytesFromText(path));
  if (tree.lstat(file)?.type !== 'file') return [];
  const fd = tree.open(file);
  try {
    if (fstatSync(fd).size > maxSize)
      throw new StagecraftError('integrity', `${path} of the image is larger than ${maxSize} bytes.`);
    return textFromBytes(readFileSync(fd, 'latin1'))
      .split('\n')
      .map(line => line.trim())
      .filter(line => line !== '' && !line.startsWith('#'))
      .map(line => line.split(':'));
  } finally {
    closeSync(fd);
  }
}
