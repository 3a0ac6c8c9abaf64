import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import { needs } from './needs.ts';
import { program, type User } from './program.ts';

/** What a test with users of its own cannot do without. */
export const needsUsers = needs('root', 'useradd', 'userdel', 'setpriv', 'unshare');

/** Makes an ordinary user, to be removed after the tests; with subordinate ids, as distributions give them, or without. */
export function makeUser(ids: 'subordinate' | 'single'): User {
  const name = `stagecraft-${ids === 'single' ? 'one' : 'many'}-${process.pid}`;
  const home = mkdtempSync(join(tmpdir(), `${name}-`));
  // An account of the system gets none, any other does.
  const kind =
    ids === 'single' ? ['--system'] : ['--key', 'SUB_UID_COUNT=65536', '--key', 'SUB_GID_COUNT=65536'];
  administer(
    'useradd',
    ...kind,
    '--user-group',
    '--no-create-home',
    '--home-dir',
    home,
    '--shell',
    '/bin/sh',
    name,
  );
  after(() => {
    administer('userdel', name);
    rmSync(home, { recursive: true, force: true });
  });
  const line = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .find(each => each.startsWith(`${name}:`))!;
  const [, , uid, gid] = line.split(':').map(Number) as [number, number, number, number];
  spawnSync('chown', ['-R', `${uid}:${gid}`, home]);
  return { name, uid, gid, home };
}

/** Why an ordinary user cannot start the program, if so: a checkout in root's home, for example. */
export function unreachableFor(user: User): string | false {
  const { status } = spawnSync(program, ['--version'], {
    uid: user.uid,
    gid: user.gid,
    env: { PATH: '/usr/bin:/bin', HOME: user.home },
  });
  return status === 0 ? false : `an ordinary user cannot start ${program}`;
}

/** The files of accounts are locked while another one changes them. */
function administer(...command: [string, ...string[]]): void {
  const [file, ...args] = command;
  const path = `${process.env.PATH}:/usr/sbin:/sbin`;
  for (let tries = 0; ; tries++) {
    const { status, stderr } = spawnSync(file, args, {
      encoding: 'utf8',
      env: { ...process.env, PATH: path },
    });
    if (status === 0) return;
    if (tries === 50) throw new Error(`${file} failed: ${stderr}`);
    spawnSync('sleep', ['0.1']);
  }
}
