import type { OwnerSpec } from '../llb/index.ts';

/** `user`, `user:group`, `:group`; each a name or a number. The group of a user without one is left to the solver. */
export function parseOwner(text: string): OwnerSpec {
  const at = text.indexOf(':');
  const user = idOrName(at < 0 ? text : text.slice(0, at));
  return at < 0 ? { user } : { user, group: idOrName(text.slice(at + 1)) };
}

function idOrName(text: string): number | string {
  if (text === 'root' || text === '') return 0;
  const id = /^\+?[0-9]+$/.test(text) ? Number(text) : Number.NaN;
  return id <= 0x7fffffff ? id : text;
}
