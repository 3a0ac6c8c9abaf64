import { readFileSync } from 'node:fs';
import type { SandboxMount } from './types.ts';

/** Where apt's settings lie in the sandbox: a place that no image uses. */
const place = '/run/stagecraft/apt.conf';

/** What helps programs along where there is only one id. */
export interface SingleIdHelp {
  readonly mounts: SandboxMount[];
  /** `NAME=value`. */
  readonly env: string[];
}

/** True where this process is root and there is nobody else: the user namespace of a user without subordinate ids. */
export function hasSingleId(): boolean {
  return /^\s*0\s+\d+\s+1\s*$/.test(readFileSync('/proc/self/uid_map', 'latin1'));
}

/**
 * Programs that become another user are told that they did (the seccomp filter sees to it), which apt does not believe:
 * it looks who it is before it fetches anything. It has a setting for such places (apt.conf(5)).
 */
export function singleIdHelp(): SingleIdHelp {
  const data = Buffer.from('APT::Sandbox::User "root";\n');
  return {
    mounts: [{ type: 'secret', target: place, data, uid: 0, gid: 0, mode: 0o444 }],
    env: [`APT_CONFIG=${place}`],
  };
}

/** What a build tells of it, once. */
export const singleIdNotice = {
  message: 'Every user is root here, and changes of owner do nothing: this user has no subordinate ids.',
  detail:
    'Files that RUN gives to other users stay those of root in the image. Have subordinate ids set up in /etc/subuid and /etc/subgid (Debian: package uidmap), or run as root.',
};
