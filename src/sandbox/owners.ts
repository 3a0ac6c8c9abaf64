import { StagecraftError } from '../util/errors.ts';
import type { Surroundings } from './config.ts';

/**
 * Makes sure that an owner exists here. Where there is only one id everything is root's, and any owner will do.
 * @param what the thing that shall have the owner, as a sentence begins with it
 * @throws StagecraftError `unsupported` for an id that the user namespace does not have
 */
export function requireOwner(
  { uid, gid }: { uid: number; gid: number },
  around: Surroundings,
  what: string,
): void {
  if (around.singleId || (around.hasUser(uid) && around.hasGroup(gid))) return;
  const who = around.hasUser(uid) ? `group ${gid}` : `user ${uid}`;
  throw new StagecraftError(
    'unsupported',
    `${what} shall belong to ${who}, an id beyond those that this user may use.`,
    { hint: 'Give the user more subordinate ids in /etc/subuid and /etc/subgid, or run as root.' },
  );
}
