import assert from 'node:assert/strict';
import { chmodSync, lstatSync, readdirSync, rmdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { makeNode } from '../syscall/nodes.ts';
import { StagecraftError } from '../util/errors.ts';
import { findProgram, rungNames } from './choose.ts';
import { cannotRun, filesBelow, LayerFixture, runLine } from './testing.ts';

for (const rung of rungNames) {
  const missing = rung !== 'builtin' && findProgram(rung) === undefined ? `needs ${rung}` : cannotRun;
  describe(`a step in the ${rung} sandbox`, { skip: missing }, () => {
    let fixture: LayerFixture;
    before(() => {
      fixture = new LayerFixture();
    });
    after(() => fixture.remove());

    it('passes its exit code and both output streams on', async () => {
      const { code, out, err } = await runLine(rung, fixture, 'echo to out; echo to err >&2; exit 3');
      assert.deepEqual({ code, out, err }, { code: 3, out: 'to out\n', err: 'to err\n' });
    });

    it('tells which signal ended it', async () => {
      assert.equal((await runLine(rung, fixture, "sh -c 'kill -9 $$'; exit $?")).code, 137);
    });

    it('can open its streams again, also as an ordinary user', async () => {
      const line = 'echo one >/dev/stdout; echo two >/dev/stderr; id -u; id -g; id -G';
      const user = { uid: 1000, gid: 1001, additionalGids: [5, 27] };
      const { out, err } = await runLine(rung, fixture, line, { user });
      assert.equal(out, 'one\n1000\n1001\n1001 5 27\n');
      assert.equal(err, 'two\n');
    });

    it('reads what it is given as input, and nothing otherwise', async () => {
      const stdin = Buffer.from('line one\nline two\n');
      assert.equal((await runLine(rung, fixture, 'cat', { stdin })).out, 'line one\nline two\n');
      assert.equal((await runLine(rung, fixture, 'cat')).out, '');
    });

    it('sees only itself: processes, host name, files, mounts', async () => {
      writeFileSync(join(fixture.dir, 'host-file'), 'x');
      const line = `echo $$; hostname; ls ${fixture.dir} 2>&1; ls /proc | grep -c '^[0-9]'; grep -c ${fixture.dir} /proc/mounts`;
      const { out } = await runLine(rung, fixture, line, { hostname: 'elsewhere' });
      const [pid, hostname, files, processes] = out.split('\n');
      assert.equal(pid, '1');
      assert.equal(hostname, 'elsewhere');
      assert.match(files!, /No such file/);
      assert.ok(Number(processes) <= 3);
    });

    it('has the rights of a Docker container, and no more', async () => {
      const { out } = await runLine(rung, fixture, "grep -E '^(Cap|Seccomp:|NoNewPrivs)' /proc/self/status");
      const status = Object.fromEntries(
        out
          .trim()
          .split('\n')
          .map(line => line.split(/:\s*/)),
      );
      assert.equal(status.CapEff, '00000000a80425fb');
      assert.equal(status.CapBnd, '00000000a80425fb');
      assert.equal(status.CapAmb, '0000000000000000');
      assert.equal(status.Seccomp, '2');
      assert.equal(status.NoNewPrivs, '0');
    });

    it('may not mount, make namespaces, or write to the system', async () => {
      const line = [
        'mount -t tmpfs none /tmp 2>&1',
        'unshare -n true 2>&1',
        'echo 1 2>&1 >/proc/sys/vm/swappiness',
        'touch /sys/x 2>&1',
        'cat /proc/keys | wc -c; cat /proc/timer_list | wc -c; ls /sys/firmware | wc -l',
      ].join('; ');
      const { out, err } = await runLine(rung, fixture, line);
      assert.match(out, /mount: permission denied|mount: .*not permitted/i);
      assert.match(out, /unshare: .*not permitted/i);
      assert.match(out + err, /swappiness: Read-only file system/);
      assert.match(out, /sys\/x: Read-only file system/);
      assert.match(out, /\n0\n0\n0\n$/);
    });

    it('has the devices of a container', async () => {
      const line =
        'echo lost >/dev/null; dd if=/dev/zero bs=4 count=1 2>/dev/null | wc -c; dd if=/dev/urandom bs=4 count=1 2>/dev/null | wc -c;' +
        "stat -c '%a' /dev/null /dev/shm /dev/pts/ptmx; for l in fd stdin ptmx; do readlink /dev/$l; done; ls /dev/mqueue; ls -A /dev";
      const { out } = await runLine(rung, fixture, line);
      assert.match(out, /^4\n4\n666\n1777\n666\n\/proc\/self\/fd\n\/proc\/self\/fd\/0\npts\/ptmx\n/);
      const names = new Set(out.trim().split('\n'));
      for (const name of [
        'full',
        'mqueue',
        'null',
        'ptmx',
        'pts',
        'random',
        'shm',
        'stderr',
        'tty',
        'urandom',
        'zero',
      ])
        assert.ok(names.has(name), name);
      assert.ok(![...names].some(name => /^(sd|vd|nvme|kmsg|mem)/.test(name)));
    });

    it('cannot reach the disks of the machine through device nodes', async () => {
      const disk = lstatSync(fixture.dir).dev;
      const layer = fixture.layer();
      makeNode(join(layer, 'planted'), 'block', 0o666, disk >> 8, disk & 0xff);
      const line = `for at in / /tmp/ /dev/ /cache/; do mknod $at/made b ${disk >> 8} ${disk & 0xff}; done
        for node in /planted /made /tmp/made /dev/made /cache/made; do [ -b $node ] && echo found; head -c 1 $node; done`;
      const { out, err } = await runLine(rung, fixture, line, {
        layers: [fixture.base, layer],
        mounts: [{ type: 'tmpfs', target: '/cache' }],
      });
      assert.equal(out, 'found\n'.repeat(5), err);
      assert.equal(err.match(/Permission denied/g)?.length, 5, err);
    });

    it('has all rights where the build allows insecure steps', async () => {
      const line = "grep -E '^(CapEff|Seccomp:)' /proc/self/status; mount -t tmpfs none /tmp && echo mounted";
      const { out } = await runLine(rung, fixture, line, { security: 'insecure' });
      assert.match(out, /Seccomp:\s*0/);
      assert.match(out, /mounted/);
      const devices =
        'for node in fuse net/tun loop-control; do [ -c /dev/$node ] && echo $node; done; [ -b /dev/loop7 ] && echo loop';
      const all = await runLine(rung, fixture, devices, { security: 'insecure' });
      assert.equal(all.out, 'fuse\nnet/tun\nloop-control\nloop\n');
      assert.deepEqual(filesBelow(all.upper), []);
    });

    it('keeps these rights under another user too', async () => {
      const line =
        "grep -E '^Cap(Eff|Prm|Inh|Amb|Bnd)' /proc/self/status | cut -f2 | sort -u | wc -l; mount -t tmpfs none /tmp && id -u";
      const user = { uid: 1234, gid: 1234, additionalGids: [] };
      const { out, err } = await runLine(rung, fixture, line, { security: 'insecure', user });
      assert.equal(out, '1\n1234\n', err);
    });

    it('is in a control group of its own below the one asked for', async () => {
      const parent = `stagecraft-test-${process.pid}`;
      const { out } = await runLine(rung, fixture, 'cat /proc/1/cgroup', { cgroupParent: parent });
      const groups = findGroups(parent);
      for (const group of groups) rmdirSync(group);
      assert.match(out, new RegExp(`/${parent}/stagecraft-`));
      assert.ok(groups.length > 0);
    });

    it('reaches nothing without a network but itself', async () => {
      const line =
        "ifconfig -a | grep -c '^[a-z]'; ifconfig lo | grep -c UP; (echo hi | nc -l -p 7777 &) ; sleep 0.2; nc 127.0.0.1 7777";
      const { out } = await runLine(rung, fixture, line, { network: 'none' });
      assert.equal(out, '1\n1\nhi\n');
    });

    it('gets its limits, and memory for /dev/shm', async () => {
      const line = "ulimit -n; ulimit -Hn; ulimit -c; grep shm /proc/mounts | grep -o 'size=[0-9]*k'";
      const { out } = await runLine(rung, fixture, line, {
        ulimits: [
          { name: 'nofile', soft: 100, hard: 200 },
          { name: 'core', soft: -1, hard: -1 },
        ],
        shmSize: 8 << 20,
      });
      assert.equal(out, '100\n200\nunlimited\nsize=8192k\n');
    });

    it('gets its environment as it is, and none of ours', async () => {
      const env = ['PATH=/bin', 'odd.name=a b', 'LD_PRELOAD=/none.so', 'UMLAUT=ü', 'LINES=1\n2'];
      const { out } = await runLine(rung, fixture, '', { env, args: ['env'] });
      assert.deepEqual(out.replace(/^HOME=.*\n/m, ''), `${env.join('\n')}\n`);
    });

    it('starts in its directory', async () => {
      assert.equal((await runLine(rung, fixture, 'readlink /proc/self/cwd', { cwd: '/tmp' })).out, '/tmp\n');
    });

    it('says why a file is no program for this machine', async () => {
      const layer = fixture.layer({ plain: 'text', foreign: '\x7fELF\x02\x01\x01' });
      chmodSync(join(layer, 'foreign'), 0o755);
      for (const [path, reason] of [
        ['/plain', /permission denied/i],
        ['/foreign', /exec format error/i],
      ] as const) {
        await assert.rejects(
          runLine(rung, fixture, '', { args: [path], layers: [fixture.base, layer] }),
          (error: unknown) => {
            assert.ok(error instanceof StagecraftError && error.code === 'build');
            assert.equal(error.exitCode, 126);
            assert.ok(error.message.includes(path));
            assert.match(error.message, reason);
            return true;
          },
        );
      }
    });

    it('names the program that cannot be started', async () => {
      for (const args of [['no-such-program'], ['/no/such/program']]) {
        await assert.rejects(runLine(rung, fixture, '', { args }), (error: unknown) => {
          assert.ok(error instanceof StagecraftError);
          assert.equal(error.code, 'build');
          assert.equal(error.exitCode, 127);
          assert.ok(error.message.includes(args[0]!));
          return true;
        });
      }
    });
  });
}

/** The control groups of a name at the top of any hierarchy; they hold no other one. */
function findGroups(name: string): string[] {
  const hierarchies = [
    '/sys/fs/cgroup',
    ...readdirSync('/sys/fs/cgroup').map(each => join('/sys/fs/cgroup', each)),
  ];
  return hierarchies
    .map(each => join(each, name))
    .filter(each => statSync(each, { throwIfNoEntry: false })?.isDirectory());
}
