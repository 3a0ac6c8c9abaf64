import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { suite, test } from 'node:test';
import { withBusybox } from './support/busybox.ts';
import { Everyone } from './support/everyone.ts';
import { needs } from './support/needs.ts';
import { needsUsers } from './support/users.ts';
import type { Files } from './support/workspace.ts';

const skip = needsUsers || needs('busybox');

suite('RUN --device', { skip }, () => {
  const everyone = new Everyone(skip);
  const { root } = everyone;
  const shared = root.path('shared');
  const specs = root.path('cdi');
  const env = { STAGECRAFT_CDI_DIRS: specs };
  mkdirSync(shared);
  chmodSync(shared, 0o777);
  chmodSync(root.directory, 0o755);
  mkdirSync(specs);

  const files: Files = {
    'first.yaml': `cdiVersion: "0.6.0"
kind: vendor.example/device
annotations:
  stagecraft.example/any: thing
containerEdits:
  env: [COMMON=yes]
devices:
- name: node
  containerEdits:
    env: [NODE=injected, PATH=/bin]
    deviceNodes:
    - path: /dev/injected
      hostPath: /dev/zero
      permissions: rw
    mounts:
    - hostPath: ${shared}
      containerPath: /opt/shared/deep
      options: [ro, nosuid]
    additionalGids: [0]
- name: hooked
  containerEdits:
    hooks:
    - hookName: createContainer
      path: /bin/sh
      args: [sh, -c, 'cat >${shared}/state && cp "$(sed "s/.*\\"bundle\\" *: *\\"\\([^\\"]*\\)\\".*/\\\\1/" ${shared}/state)/config.json" ${shared}/config']
      env: [PATH=/usr/bin:/bin]
- name: late
  containerEdits:
    hooks: [{ hookName: poststop, path: /bin/true }]
- name: failing
  containerEdits:
    hooks: [{ hookName: createContainer, path: /bin/sh, args: [sh, -c, 'echo the hook is sad >&2; exit 3'] }]
- name: absent
  containerEdits:
    deviceNodes: [{ path: /dev/stagecraft-no-such }]
`,
    'second.json': JSON.stringify({
      cdiVersion: '0.6.0',
      kind: 'vendor.example/free',
      annotations: { 'org.mobyproject.buildkit.device.autoallow': true },
      devices: ['a', 'b', 'c'].map(name => ({
        name,
        annotations: { 'org.mobyproject.buildkit.device.class': name === 'a' ? 'one' : 'others' },
        containerEdits: { env: [`${name.toUpperCase()}=here`] },
      })),
    }),
    'broken.yaml':
      'cdiVersion: "0.6.0"\nkind: vendor.example/broken\ndevices: [{ name: x, containerEdits: { magic: 1 } }]\n',
  };
  root.write(specs, files);
  for (const name of Object.keys(files)) chmodSync(`${specs}/${name}`, 0o644);
  root.write(shared, { file: 'from the machine\n' });

  const run = (flags: string, command: string): Files =>
    withBusybox(`FROM busybox AS work\nRUN ${flags} ${command}\n`);

  for (const { who, work, rung, skip: unreachable } of everyone.places) {
    const here = { env: { ...env, STAGECRAFT_SANDBOX: rung } };

    test(`gives a node, variables and files: ${who}`, {
      skip: unreachable,
    }, async () => {
      const context = work.context({
        ...withBusybox(`FROM busybox AS work
RUN --device=vendor.example/device=node,required [ -c /dev/injected ] && head -c 3 /dev/injected | od -An -tx1 && \\
    echo "$NODE $COMMON $PATH" && cat /opt/shared/deep/file && ! touch /opt/shared/deep/new 2>/dev/null
RUN ls /opt 2>/dev/null; [ -z "$NODE" ] && [ ! -e /dev/injected ] && echo no trace
USER 1000
RUN --device=vendor.example/device=node head -c 2 /dev/injected | wc -c
FROM scratch
COPY --from=work /dev /dev
`),
      });
      const out = work.path(`out-${rung}`);
      const flags = ['--no-cache-filter=work', '--allow=device', '-o', out];
      const { log } = await work.build(context, flags, here);
      assert.match(log, /^ 00 00 00\ninjected yes \/bin\nfrom the machine\nno trace\n2$/m);
      assert.ok(!existsSync(`${out}/dev/injected`));
    });

    test(`runs hooks: ${who}`, { skip: unreachable }, async () => {
      for (const name of ['state', 'config']) rmSync(`${shared}/${name}`, { force: true });
      await work.build(
        run('--device=vendor.example/device=hooked', 'true'),
        ['--no-cache-filter=work', '--allow=device'],
        here,
      );
      const [state, config] = ['state', 'config'].map(name =>
        JSON.parse(readFileSync(`${shared}/${name}`, 'utf8')),
      );
      assert.equal(typeof state.bundle, 'string');
      assert.equal(config.root.path, `${state.bundle}/root`);
      const failed = await work.tryBuild(
        run('--device=vendor.example/device=failing', 'true'),
        ['--allow=device'],
        here,
      );
      assert.equal(failed.code, 1);
      assert.match(failed.message, /hook|sad/i);
    });
  }

  test('needs the user\u2019s leave, for all or one by one, also for what is in the cache', async () => {
    const context = root.context(run('--device=vendor.example/device=node', 'echo "got $NODE"'));
    const refused = await root.stagecraft(['build', context], { env });
    assert.equal(refused.code, 1);
    assert.match(
      refused.stderr,
      /asks for the device vendor\.example\/device=node, which the build does not allow/,
    );
    assert.match(refused.stderr, /--allow device=vendor\.example\/device=node/);
    assert.match(refused.stderr, />>> RUN --device=vendor.example\/device=node/);
    await root.build(context, ['--allow=device=vendor.example/device=node'], { env });
    const first = await root.tryBuild(context, ['--allow=device=vendor.example/device'], { env });
    assert.equal(first.code, 1, 'the first device of the kind is another one');
    assert.equal(
      (await root.tryBuild(context, ['--allow=device=vendor.example/device=late'], { env })).code,
      1,
    );
    assert.equal((await root.tryBuild(context, [], { env })).code, 1, 'although it is cached');
    const aliased = root.context(run('--device=gpu,required', 'echo "got $NODE"'));
    const alias = ['--no-cache-filter=work', '--allow=device=vendor.example/device=node,alias=gpu'];
    assert.match((await root.build(aliased, alias, { env })).log, /got injected/);
    assert.equal((await root.tryBuild(context, ['--allow=everything'], { env })).code, 1);
  });

  test('finds devices by kind, wildcard and class, and gives those that allow it to everybody', async () => {
    const look = 'echo "A=$A B=$B C=$C"';
    for (const [name, expected] of [
      ['vendor.example/free', 'A=here B= C='],
      ['vendor.example/free=*', 'A=here B=here C=here'],
      ['vendor.example/free=c', 'A= B= C=here'],
      ['others', 'A= B=here C=here'],
      ['nothing', 'A= B= C='],
      ['vendor.example/broken=x', 'A= B= C='],
    ] as const) {
      const { log } = await root.build(run(`--device=${name}`, look), ['--no-cache-filter=work'], { env });
      assert.equal(log.trim().split('\n').at(-1), expected, name);
    }
  });

  test('that is not there is told, and the step runs without it', async () => {
    const context = root.context(run('--device=vendor.example/device=gone', 'true'));
    const { code, stderr } = await root.stagecraft(['build', '--progress=plain', context], { env });
    assert.equal(code, 0);
    assert.match(stderr, /WARN: The device vendor\.example\/device=gone is not registered here/);
  });

  test('that is required and not there stops the build before anything runs, and says what there is', async () => {
    const { code, stderr } = await root.stagecraft(
      ['build', '--allow=device', root.context(run('--device=vendor.example/broken=x,required', 'true'))],
      { env },
    );
    assert.equal(code, 1);
    assert.match(stderr, /vendor\.example\/broken=x, which this step requires, is not registered/);
    assert.match(stderr, /There are: vendor\.example\/device=absent, /);
    assert.match(stderr, /broken\.yaml was left out: the field magic of containerEdits is not known/);
    assert.match(stderr, />>> RUN --device/);
  });

  test('whose node the machine does not have is told', async () => {
    const { code, message } = await root.tryBuild(
      run('--device=vendor.example/device=absent', 'true'),
      ['--allow=device'],
      { env },
    );
    assert.equal(code, 1);
    assert.match(message, /There is no device \/dev\/stagecraft-no-such on this machine/);
  });
});
