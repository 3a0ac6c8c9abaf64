import assert from 'node:assert/strict';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { findProgram, rungNames } from './choose.ts';
import { cannotRun, filesBelow, LayerFixture, runLine } from './testing.ts';
import type { SandboxMount } from './types.ts';

for (const rung of rungNames) {
  const missing = rung !== 'builtin' && findProgram(rung) === undefined ? `needs ${rung}` : cannotRun;
  describe(`the files of a step in the ${rung} sandbox`, { skip: missing }, () => {
    let fixture: LayerFixture;
    before(() => {
      fixture = new LayerFixture();
    });
    after(() => fixture.remove());

    it('leaves its changes in the upper directory, removals as whiteouts, and nothing else', async () => {
      const base = fixture.layer({ 'opt/keep': '1', 'opt/gone': '2', 'opt/dir/file': '3' });
      const line = 'echo new >/opt/new; rm /opt/gone; rm -r /opt/dir; echo more >>/opt/keep';
      const { upper, code } = await runLine(rung, fixture, line, { layers: [fixture.base, base] });
      assert.equal(code, 0);
      assert.deepEqual(filesBelow(upper), ['opt', 'opt/dir', 'opt/gone', 'opt/keep', 'opt/new']);
      assert.equal(readFileSync(join(upper, 'opt/keep'), 'utf8'), '1more\n');
      for (const name of ['gone', 'dir']) {
        const stat = lstatSync(join(upper, 'opt', name));
        assert.ok(stat.isCharacterDevice() && stat.rdev === 0);
      }
    });

    it("knows names by the machine's files, and leaves none of them", async () => {
      const bare = fixture.layer({ 'etc/.wh': '' });
      rmSync(join(bare, 'etc/.wh'));
      const base = fixture.layer();
      mkdirSync(join(base, 'bin'));
      for (const name of ['busybox', 'sh', 'cat', 'true'])
        writeFileSync(join(base, 'bin', name), readFileSync(join(fixture.base, 'bin/busybox')), {
          mode: 0o755,
        });
      const before = statSync(join(bare, 'etc'), { bigint: true }).mtimeNs;
      const layers = [base, bare];
      const { out, upper } = await runLine(rung, fixture, 'cat /etc/resolv.conf /etc/hosts', {
        layers,
        hostname: 'myname',
        extraHosts: [['other', '192.0.2.7']],
      });
      assert.ok(out.includes(readFileSync('/etc/resolv.conf', 'utf8')));
      assert.ok(out.includes(readFileSync('/etc/hosts', 'utf8').trimEnd()));
      assert.match(out, /^127\.0\.0\.1\s+myname$/m);
      assert.match(out, /^192\.0\.2\.7\s+other$/m);
      assert.deepEqual(
        filesBelow(upper).filter(path => !['proc', 'sys', 'dev'].includes(path)),
        [],
      );
      const kept = await runLine(rung, fixture, 'echo x >/etc/other', { layers });
      assert.deepEqual(
        filesBelow(kept.upper).filter(path => path.startsWith('etc')),
        ['etc', 'etc/other'],
      );
      assert.ok(statSync(join(kept.upper, 'etc'), { bigint: true }).mtimeNs > before);
    });

    it('finds secrets in memory, with their owner and mode, and never in its layer', async () => {
      const data = Buffer.from('s3cret\0bytes');
      const { out, upper } = await runLine(
        rung,
        fixture,
        "cat /run/secrets/token; stat -c ' %u:%g %a' /run/secrets/token; echo x >/run/secrets/token",
        { mounts: [{ type: 'secret', target: '/run/secrets/token', data, uid: 7, gid: 8, mode: 0o440 }] },
      );
      assert.equal(out, 's3cret\0bytes 7:8 440\n');
      assert.deepEqual(filesBelow(upper), []);
    });

    it('sees its mounts, writable or not as asked', async () => {
      const shared = join(fixture.dir, 'shared');
      mkdirSync(shared, { recursive: true });
      writeFileSync(join(shared, 'file'), 'from host');
      const [lower, higher] = [
        fixture.layer({ 'a/one': '1', 'a/two': 'old' }),
        fixture.layer({ 'a/two': '2', 'b/three': '3' }),
      ];
      const changes = fixture.upper();
      const line = `cat /host/file; echo no >/host/file; echo x >/rw/made; cat /in/one /in/two; echo no >/in/two;
        echo yes >/out/a/two; touch /cache/x; stat -c %a /cache; grep ' /cache ' /proc/mounts | grep -o 'size=[0-9]*k'`;
      const { out, err, upper } = await runLine(rung, fixture, line, {
        mounts: [
          { type: 'bind', source: shared, target: '/host', readonly: true },
          { type: 'bind', source: shared, target: '/rw', readonly: false },
          { type: 'overlay', layers: [lower, higher], target: '/in', selector: '/a' },
          { type: 'overlay', layers: [lower], upper: changes, target: 'out' },
          { type: 'tmpfs', target: '/cache', size: 65536, mode: 0o711 },
        ],
      });
      assert.equal(out, 'from host12711\nsize=64k\n');
      assert.equal(err.match(/Read-only file system/g)?.length, 2);
      assert.equal(readFileSync(join(shared, 'made'), 'utf8'), 'x\n');
      assert.equal(readFileSync(join(changes.dir, 'a/two'), 'utf8'), 'yes\n');
      assert.deepEqual(filesBelow(upper), []);
    });

    it('gets a directory for a mount behind a symlink of the image, but none outside of it', async () => {
      const layer = fixture.layer({ 'run/x': '' });
      const link = fixture.layer();
      mkdirSync(join(link, 'var'));
      symlinkSync('/run', join(link, 'var/run'));
      symlinkSync('../../../../../../../tmp', join(link, 'escape'));
      const { out, upper } = await runLine(rung, fixture, 'cat /run/deep/file; echo; cat /tmp/in', {
        layers: [fixture.base, layer, link],
        mounts: [
          {
            type: 'secret',
            target: '/var/run/deep/file',
            data: Buffer.from('a'),
            uid: 0,
            gid: 0,
            mode: 0o400,
          },
          { type: 'secret', target: '/escape/in', data: Buffer.from('b'), uid: 0, gid: 0, mode: 0o400 },
        ],
      });
      assert.equal(out, 'a\nb');
      assert.deepEqual(filesBelow(upper), []);
    });

    it('talks to a socket that it is lent, as whatever user it is', async () => {
      const user = { uid: 1234, gid: 1234, additionalGids: [] };
      const mount = {
        type: 'socket' as const,
        serve: (socket: Socket) => void socket.end('hello from the agent\n'),
        target: '/run/agent',
        uid: 1234,
        gid: 1234,
        mode: 0o600,
      };
      const program = "require('node:net').connect('/run/agent').pipe(process.stdout)";
      const line = `stat -c '%u %a %F' /run/agent; node -e "${program}"`;
      const mounts = [mount, ...hostNode()];
      const { out, err } = await runLine(rung, fixture, line, { user, mounts });
      assert.equal(out, '1234 600 socket\nhello from the agent\n', err);
    });

    it('fails for a mount of what is not there', async () => {
      const mounts = [
        { type: 'overlay' as const, layers: [fixture.base], target: '/in', selector: '/no/such' },
      ];
      await assert.rejects(runLine(rung, fixture, 'true', { mounts }), /\/no\/such/);
    });

    it('cannot write to a root file system without an upper directory', async () => {
      const { out } = await runLine(rung, fixture, 'touch /x 2>&1; touch /dev/shm/x && echo shm', {
        upper: undefined as never,
      });
      assert.match(out, /Read-only file system/);
      assert.match(out, /shm/);
    });

    it('runs on 300 layers', async () => {
      const layers = [
        fixture.base,
        ...Array.from({ length: 300 }, (_, index) => fixture.layer({ [`l/${index}`]: '' })),
      ];
      const { out, upper } = await runLine(rung, fixture, 'ls /l | wc -l; rm /l/7; ls /l | wc -l', {
        layers,
      });
      assert.equal(out, '300\n299\n');
      assert.deepEqual(filesBelow(upper), ['l', 'l/7']);
    });
  });
}

/** What the Node.js that runs this needs in a sandbox. */
function hostNode(): SandboxMount[] {
  const libraries = ['/lib', '/lib64', '/usr/lib'].filter(path => existsSync(path));
  return [
    { type: 'bind', source: process.execPath, target: '/bin/node', readonly: true },
    ...libraries.map(path => ({ type: 'bind', source: path, target: path, readonly: true }) as const),
  ];
}
