import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CopyAction, FileAction } from '../llb/index.ts';
import { inputNames, opOf, type Planned, plan } from './testing.ts';

function copies(planned: Planned, end: string): CopyAction[] {
  return opOf(planned.step(end), 'file').actions.map(action => copyOf(action));
}

function copyOf(action: FileAction): CopyAction {
  assert.ok(action.action?.kind === 'copy');
  return action.action;
}

test('RUN has the words, the environment, the directory and the user', async () => {
  const planned = await plan(
    `FROM debian:bookworm
     ENV A="b c"
     WORKDIR /srv
     USER 1000:1000
     RUN echo $A && \\
       make`,
    { networkMode: 'none', extraHosts: [['db', '10.0.0.1']], hostname: 'box' },
  );
  const { meta, network, mounts } = opOf(planned.vertices.at(-1) as never, 'exec');
  assert.deepEqual(meta, {
    args: ['/bin/sh', '-c', 'echo $A &&        make'],
    env: ['PATH=/usr/bin:/bin', 'LANG=C.UTF-8', 'A=b c'],
    cwd: '/srv',
    user: '1000:1000',
    extraHosts: [{ host: 'db', ip: '10.0.0.1' }],
    hostname: 'box',
    ulimits: [],
    cgroupParent: '',
    removeMountStubsRecursive: true,
    validExitCodes: [],
  });
  assert.equal(network, 'none');
  assert.deepEqual(
    mounts.map(m => [m.dest, m.input, m.output]),
    [['/', 0, 0]],
  );
});

test('RUN --network and --security', async () => {
  const planned = await plan(
    'FROM debian:bookworm\nRUN --network=none a\nRUN --network=host --security=insecure b\nRUN --network=default c',
    { networkMode: 'host' },
  );
  const of = (end: string) => {
    const { network, security } = opOf(planned.step(end), 'exec');
    return [network, security];
  };
  assert.deepEqual(of(' a'), ['none', 'sandbox']);
  assert.deepEqual(of(' b'), ['host', 'insecure']);
  assert.deepEqual(of(' c'), ['host', 'sandbox']);
});

test('RUN --mount: every kind becomes a mount of the process', async () => {
  const planned = await plan(
    `FROM scratch AS tools
     COPY t /t
     FROM debian:bookworm
     WORKDIR /srv
     ARG DIR=/cache
     RUN --mount=target=. --mount=from=tools,source=/t,target=/tools,rw \\
         --mount=type=cache,target=$DIR --mount=type=cache,id=npm,target=/root/.npm,sharing=locked,mode=0700,uid=5 \\
         --mount=type=tmpfs,target=/tmp,size=64m \\
         --mount=type=secret,id=token --mount=type=secret,id=key,target=/key,required,uid=1,gid=2,mode=0440 \\
         --mount=type=secret,id=env,env=TOKEN --mount=type=ssh,id=deploy,required \\
         build`,
  );
  const vertex = planned.vertices.at(-1) as never;
  const { mounts, secretEnv, meta } = opOf(vertex, 'exec');
  const names = inputNames(planned, vertex);
  assert.deepEqual(
    mounts
      .map(m => ({ ...m, input: m.input < 0 ? '' : (names[m.input] as string) }))
      .map(m => [m.dest, m.type, m.input, m.selector, m.readonly, m.output]),
    [
      ['/', 'bind', '[stage-1 2/3] WORKDIR /srv', '', false, 0],
      ['/cache', 'cache', '', '', false, -1],
      ['/root/.npm', 'cache', '[internal] setting cache mount permissions', '/cache', false, -1],
      ['/srv', 'bind', '[internal] load build context', '', true, -1],
      ['/tmp', 'tmpfs', '', '', false, -1],
      ['/tools', 'bind', '[tools 1/1] COPY t /t', '/t', false, -1],
      ['/run/secrets/token', 'secret', '', '', false, 0],
      ['/key', 'secret', '', '', false, 0],
      ['/run/buildkit/ssh_agent.0', 'ssh', '', '', false, 0],
    ],
  );
  assert.deepEqual(
    mounts.flatMap(m => m.cache ?? []),
    [
      { id: '//cache', sharing: 'shared' },
      { id: '/npm', sharing: 'locked' },
    ],
  );
  assert.deepEqual(
    mounts.flatMap(m => m.tmpfs ?? []),
    [{ size: 64 * 1024 * 1024 }],
  );
  assert.deepEqual(
    mounts.flatMap(m => m.secret ?? []),
    [
      { id: 'token', uid: 0, gid: 0, mode: 0o400, optional: true },
      { id: 'key', uid: 1, gid: 2, mode: 0o440, optional: false },
    ],
  );
  assert.deepEqual(
    mounts.flatMap(m => m.ssh ?? []),
    [{ id: 'deploy', uid: 0, gid: 0, mode: 0o600, optional: false }],
  );
  assert.deepEqual(secretEnv, [{ id: 'env', name: 'TOKEN', optional: true }]);
  assert.ok(meta.env.includes('SSH_AUTH_SOCK=/run/buildkit/ssh_agent.0'));
});

test('RUN with a here-document: a script for the shell, one with its own interpreter, and input to a command', async () => {
  const planned = await plan(`FROM debian:bookworm
RUN <<EOF
echo a
echo b
EOF
RUN <<SCRIPT
#!/usr/bin/env python
print(1)
SCRIPT
RUN cat <<A > /x
$HOME
A
`);
  const [shell, script, input] = planned.vertices.filter(v => v.op.kind === 'exec').map(v => opOf(v, 'exec'));
  assert.deepEqual(shell?.meta.args, ['/bin/sh', '-c', 'echo a\necho b\n']);
  assert.deepEqual(script?.meta.args, ['/bin/sh', '-c', '/dev/pipes/SCRIPT']);
  assert.deepEqual(
    script?.mounts.map(m => [m.dest, m.readonly]),
    [
      ['/', false],
      ['/dev/pipes/', true],
    ],
  );
  assert.deepEqual(input?.meta.args, ['/bin/sh', '-c', 'cat <<A > /x\n$HOME\nA']);
  assert.equal(planned.names.filter(n => n === '[internal] preparing inline document').length, 1);
  assert.ok(planned.names.includes('[2/4] RUN <<EOF (echo a...)'));
});

test('COPY is one operation with one action for each source', async () => {
  const planned = await plan('FROM scratch\nWORKDIR /w\nCOPY --chown=app:5 --chmod=u+x *.js dir/ /abs d/');
  const actions = copies(planned, 'd/');
  assert.deepEqual(
    actions.map(a => [a.src, a.dest]),
    [
      ['/*.js', '/w/d/'],
      ['/dir', '/w/d/'],
      ['/abs', '/w/d/'],
    ],
  );
  assert.deepEqual(actions[0], {
    kind: 'copy',
    src: '/*.js',
    dest: '/w/d/',
    owner: { user: { byName: { name: 'app', input: 0 } }, group: { byId: 5 } },
    mode: 0,
    modeText: 'u+x',
    followSymlink: true,
    dirCopyContents: true,
    attemptUnpack: false,
    createDestPath: true,
    allowWildcard: true,
    allowEmptyWildcard: true,
    timestamp: -1n,
    includePatterns: [],
    excludePatterns: [],
    alwaysReplaceExistingDestPaths: false,
    requiredPaths: [],
  });
});

test('where a COPY goes', async () => {
  const cases: [string, string][] = [
    ['.', '/w/'],
    ['./', '/w/'],
    ['x', '/w/x'],
    ['x/', '/w/x/'],
    ['../x', '/x'],
    ['/', '/'],
    ['/a/../b/', '/b/'],
    ['x/.', '/w/x/.'],
  ];
  for (const [written, dest] of cases) {
    const planned = await plan(`FROM scratch\nWORKDIR /w\nCOPY a ${written}`);
    assert.equal(copies(planned, `COPY a ${written}`)[0]?.dest, dest, written);
  }
});

test('the build context is one source with all paths that are read, and nothing that is ignored', async () => {
  const planned = await plan(
    `FROM scratch AS a
     COPY src/ *.json /
     FROM scratch
     COPY --from=a / /
     ADD ./x /x
     RUN --mount=source=y,target=/y z`,
    { ignorePatterns: ['node_modules', '!keep'] },
  );
  const sources = planned.vertices.flatMap(v => (v.op.kind === 'source' ? [v.op] : []));
  assert.deepEqual(sources, [
    {
      kind: 'source',
      identifier: 'local://context',
      attrs: {
        'local.excludepatterns': '["node_modules","!keep"]',
        'local.followpaths': '["*.json","src","x","y"]',
        'local.sharedkeyhint': 'context',
      },
    },
  ]);
  const whole = await plan('FROM scratch\nCOPY a /a\nCOPY . .');
  assert.equal(opOf(whole.step('load build context'), 'source').attrs['local.followpaths'], undefined);
});

test('a path that climbs out of the context stays within, and is warned of', async () => {
  const planned = await plan('FROM scratch\nCOPY ../secret /x\nCOPY a/../b /y');
  assert.equal(copies(planned, 'COPY ../secret /x')[0]?.src, '/secret');
  assert.deepEqual(
    planned.warnings.map(w => [w.rule, w.range.start.line]),
    [['CopyOutsideContext', 2]],
  );
});

test('COPY --link does not depend on what is below it', async () => {
  const link = async (base: string) => {
    const planned = await plan(
      `FROM scratch AS s
       COPY a /a
       FROM debian:bookworm
       RUN ${base}
       COPY --link --from=s /a /b`,
    );
    const merge = planned.step('LINK COPY --link --from=s /a /b');
    assert.equal(opOf(merge, 'merge').inputs.length, 2);
    assert.equal(planned.history.at(-1), '* COPY /a /b # buildkit');
    assert.equal(merge.metadata.progressGroup?.weak, false);
    return merge.inputs[1]?.digest;
  };
  assert.equal(await link('one'), await link('two'));
  const onScratch = await plan('FROM scratch\nCOPY --link a /a');
  assert.equal(onScratch.vertices.filter(v => v.op.kind === 'merge').length, 0);
});

test('COPY --parents and --exclude', async () => {
  const planned = await plan('FROM scratch\nCOPY --parents --exclude=*.md src/./a/b /x/./*.c d/e /out/');
  assert.deepEqual(
    copies(planned, '/out/').map(a => [a.src, a.includePatterns, a.requiredPaths, a.excludePatterns]),
    [
      ['/src', ['a/b'], ['/src/a/b'], ['*.md']],
      ['/x', ['*.c'], [], ['*.md']],
      ['/', ['d/e'], ['/d/e'], ['*.md']],
    ],
  );
  assert.equal(planned.history.at(-1), '* COPY --parents src/./a/b /x/./*.c d/e /out/ # buildkit');
});

test('COPY of here-documents makes the files first, with variables where the name is not quoted', async () => {
  const planned = await plan(`FROM scratch
ENV NAME=world
COPY <<hello.txt <<"raw.txt" /dir/
hello "$NAME"
hello.txt
raw $NAME
raw.txt
`);
  const files = planned.vertices.flatMap(v =>
    v.op.kind === 'file' && v.op.actions[0]?.action?.kind === 'mkfile' ? [v.op.actions[0].action] : [],
  );
  assert.deepEqual(
    files.map(f => [f.path, Buffer.from(f.data).toString(), f.mode]),
    [
      ['/hello.txt', 'hello "world"\n', 0o644],
      ['/raw.txt', 'raw $NAME\n', 0o644],
    ],
  );
  assert.equal(planned.history.at(-1), '* COPY <<hello.txt <<raw.txt /dir/ # buildkit');
  assert.equal(planned.names.includes('[internal] load build context'), false);
});

test('ADD unpacks local archives unless told not to, downloads, and clones', async () => {
  const sum = `sha256:${'ab'.repeat(32)}`;
  const planned = await plan(
    `FROM scratch
     ADD a.tar /a/
     ADD --unpack=false b.tar /b/
     ADD --checksum=${sum} https://example.org/dir/file%20x.tgz?v=1 /c/
     ADD --unpack https://example.org/ /d/
     ADD --keep-git-dir https://example.org/repo.git#v1:sub /e/
     ADD git@example.org:team/repo.git /f/`,
  );
  const unpack = (end: string) => copies(planned, end).map(a => a.attemptUnpack);
  assert.deepEqual([unpack('a.tar /a/'), unpack('b.tar /b/')], [[true], [false]]);
  const sources = planned.vertices.flatMap(v =>
    v.op.kind === 'source' && !v.op.identifier.startsWith('local') ? [v.op] : [],
  );
  const secrets = { 'git.authheadersecret': 'GIT_AUTH_HEADER', 'git.authtokensecret': 'GIT_AUTH_TOKEN' };
  assert.deepEqual(
    new Map(sources.map(s => [s.identifier, s.attrs])),
    new Map<string, Record<string, string>>([
      ['https://example.org/dir/file%20x.tgz?v=1', { 'http.checksum': sum, 'http.filename': 'file x.tgz' }],
      ['https://example.org/', { 'http.filename': '__unnamed__' }],
      [
        'git://example.org/repo.git#v1:sub',
        { ...secrets, 'git.fullurl': 'https://example.org/repo.git', 'git.keepgitdir': 'true' },
      ],
      [
        'git://example.org/team/repo.git',
        {
          ...secrets,
          'git.fullurl': 'git@example.org:team/repo.git',
          'git.mountsshsock': 'default',
        },
      ],
    ]),
  );
});

test('every step knows its place in the Dockerfile and the text is there for excerpts', async () => {
  const text = 'FROM scratch\nCOPY a /a\nRUN b \\\n  c\n';
  const planned = await plan(text);
  assert.equal(planned.definition.sources.get('Dockerfile'), text);
  assert.equal(planned.step('COPY a /a').metadata.range?.start.line, 2);
  const run = planned.vertices.at(-1)?.metadata.range;
  assert.deepEqual([run?.start.line, run?.end.line], [3, 4]);
});

test('the same request gives the same bytes', async () => {
  const text = 'FROM debian:bookworm AS a\nCOPY --link a /a\nRUN x\nFROM a\nCOPY --from=a . .';
  assert.deepEqual((await plan(text)).definition, (await plan(text)).definition);
});
