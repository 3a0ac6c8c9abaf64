import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, chownSync, constants, lstatSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { findProgram, rungNames } from './choose.ts';
import { cannotRun, filesBelow, LayerFixture, mountedAnywhere, processesWith } from './testing.ts';

const program = fileURLToPath(new URL('./testing-run.ts', import.meta.url));

/** An ordinary user made for a test, with subordinate ids or without. */
class TestUser {
  readonly name = `stagecraft-${process.pid % 100000}-${Math.random().toString(36).slice(2, 6)}`;
  readonly uid: number;

  constructor(withSubordinateIds: boolean) {
    const none = ['-K', 'SUB_UID_COUNT=0', '-K', 'SUB_GID_COUNT=0'];
    const { status, stderr } = spawnSync('useradd', ['-M', ...(withSubordinateIds ? [] : none), this.name]);
    assert.equal(status, 0, String(stderr));
    this.uid = Number(spawnSync('id', ['-u', this.name]).stdout);
  }

  start(args: readonly string[], env: NodeJS.ProcessEnv = {}): ChildProcess {
    // The directory for sandboxes is to go with the test's layers.
    const tmpdir = join(args[1]!, '../../..');
    return spawn(process.execPath, [program, ...args], {
      uid: this.uid,
      gid: this.uid,
      cwd: '/',
      env: {
        PATH: process.env.PATH,
        USER: this.name,
        LOGNAME: this.name,
        HOME: '/nonexistent',
        TMPDIR: tmpdir,
        ...env,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  }

  async run(
    args: readonly string[],
    env: NodeJS.ProcessEnv = {},
  ): Promise<{ code: number; out: string; err: string }> {
    const child = this.start(args, env);
    let [out, err] = ['', ''];
    child.stdout!.on('data', data => (out += data));
    child.stderr!.on('data', data => (err += data));
    const [code] = await once(child, 'close');
    return { code, out, err };
  }

  remove(): void {
    spawnSync('userdel', [this.name]);
  }
}

/** Why no ordinary user can run the tests' programs here; nothing if one can. */
function cannotBeUser(): string | false {
  if (cannotRun !== false) return cannotRun;
  if (findProgram('useradd') === undefined) return 'needs useradd';
  for (let path = program; path !== '/'; path = join(path, '..')) {
    if ((statSync(path).mode & (statSync(path).isDirectory() ? 0o001 : 0o004)) === 0)
      return `needs a checkout that other users may read: ${path}`;
  }
  try {
    accessSync(process.execPath, constants.X_OK);
  } catch {
    return 'needs a Node.js that other users may run';
  }
  return false;
}

for (const kind of ['subordinate', 'single'] as const) {
  const withoutMap =
    kind === 'subordinate' && findProgram('newuidmap') === undefined ? 'needs newuidmap' : cannotBeUser();
  describe(`an ordinary user ${kind === 'single' ? 'without' : 'with'} subordinate ids`, {
    skip: withoutMap,
  }, () => {
    let fixture: LayerFixture;
    let user: TestUser;
    before(() => {
      fixture = new LayerFixture();
      user = new TestUser(kind === 'subordinate');
      fixture.giveTo(user.uid);
    });
    after(() => {
      fixture.remove();
      user.remove();
    });

    const upperFor = (): string => {
      const { dir, workDir } = fixture.upper();
      for (const path of [join(dir, '..'), dir, workDir]) chownSync(path, user.uid, user.uid);
      return dir;
    };

    for (const rung of rungNames) {
      const missing = rung !== 'builtin' && findProgram(rung) === undefined ? `needs ${rung}` : false;

      it(`runs steps in the ${rung} sandbox as root of the image`, { skip: missing }, async () => {
        const upper = upperFor();
        const line =
          "id -u; cat /etc/hosts >/dev/null && rm /bin/nc && echo x >/tmp/new; chown 5:6 /tmp/new; mount -t tmpfs none /tmp; grep -c 'Seccomp:.2' /proc/self/status; exit 9";
        const { code, out, err } = await user.run([rung, fixture.base, upper, line]);
        assert.equal(code, 9, err);
        assert.equal(out, `ready ${kind}\n0\n1\n`);
        assert.match(err, /mount: .*(denied|permitted)/);
        assert.deepEqual(filesBelow(upper), ['bin', 'bin/nc', 'tmp', 'tmp/new']);
        assert.ok(lstatSync(join(upper, 'bin/nc')).isCharacterDevice());
        const owner = statSync(join(upper, 'tmp/new')).uid;
        if (kind === 'single') assert.equal(owner, user.uid);
        else assert.equal(owner, firstSubordinateId(user.name) + 4);
      });

      it(`has no network in the ${rung} sandbox when the step asks for none`, { skip: missing }, async () => {
        const line = "ifconfig -a | grep -c '^[a-z]'; ifconfig lo | grep -c UP";
        const { out, err } = await user.run([rung, fixture.base, upperFor(), line], { NETWORK: 'none' });
        assert.equal(out, `ready ${kind}\n1\n1\n`, err);
      });

      it(`leaves nothing of the ${rung} sandbox when it is killed`, { skip: missing }, async () => {
        const mark = `mark-${process.pid}-${kind}-${rung}`;
        const child = user.start([rung, fixture.base, upperFor(), 'echo started; sleep 1000'], {
          MARK: mark,
        });
        for await (const data of child.stdout!) if (String(data).includes('started')) break;
        child.kill('SIGKILL');
        for (let tries = 0; tries < 100 && processesWith(mark).length > 0; tries++) await sleep(50);
        assert.deepEqual(processesWith(mark), []);
        assert.equal(mountedAnywhere(fixture.dir), false);
      });
    }

    it('gets signals that are sent to it', async () => {
      const mark = `mark-${process.pid}-${kind}-signal`;
      const child = user.start(['builtin', fixture.base, upperFor(), 'echo started; sleep 1000'], {
        MARK: mark,
      });
      for await (const data of child.stdout!) if (String(data).includes('started')) break;
      child.kill('SIGTERM');
      const [code] = await once(child, 'exit');
      assert.equal(code, 143);
      for (let tries = 0; tries < 100 && processesWith(mark).length > 0; tries++) await sleep(50);
      assert.deepEqual(processesWith(mark), []);
    });
  });
}

function firstSubordinateId(name: string): number {
  return Number(new RegExp(`^${name}:(\\d+)`, 'm').exec(readFileSync('/etc/subuid', 'utf8'))![1]);
}
