import type { Owner } from '../llb/ops.ts';
import type { FileTree } from '../snapshot/types.ts';
import { findGroup, findUser } from '../snapshot/users.ts';

/**
 * The ids that an owner stands for. As in BuildKit a user alone gives the group too, by its entry or by its number,
 * and a name that is nowhere is root.
 */
export function resolveOwner(
  owner: Owner,
  treeOf: (input: number) => FileTree,
): { uid: number; gid: number } {
  const { user, group } = owner;
  const ids = { uid: 0, gid: 0 };
  if (user?.byId !== undefined) ids.uid = ids.gid = user.byId;
  const account = user?.byName && findUser(treeOf(user.byName.input), user.byName.name);
  if (account !== undefined) {
    ids.uid = account.uid;
    ids.gid = account.gid;
  }
  if (group?.byId !== undefined) ids.gid = group.byId;
  const gid = group?.byName && findGroup(treeOf(group.byName.input), group.byName.name);
  if (gid !== undefined) ids.gid = gid;
  return ids;
}
