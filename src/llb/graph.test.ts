import assert from 'node:assert/strict';
import { test } from 'node:test';
import { digestOf } from '../util/digest.ts';
import {
  caps,
  decodeDefinition,
  deferred,
  diff,
  dumpDefinition,
  type ExecSpec,
  encodeDefinition,
  encodeOperation,
  exec,
  file,
  type GraphVertex,
  image,
  local,
  marshal,
  merge,
  type Tree,
  unmarshal,
} from './index.ts';

const amd64 = { os: 'linux', architecture: 'amd64' };
const base = image('docker.io/library/debian:bookworm', {}, { platform: amd64 });

function run(root: Tree, ...args: string[]): Tree {
  return exec({ root, args, cwd: '/' }, { platform: amd64 }).root;
}

function vertices(tree: Tree): GraphVertex[] {
  return [...unmarshal(marshal(tree)).vertices.values()];
}

test('the same graph made twice has the same bytes', () => {
  const make = () => {
    const context = local('context', { excludePatterns: ['*.log'], sharedKeyHint: 'context' });
    const built = run(
      file(base, [{ do: 'copy', from: context, src: '/', dest: '/src', createDestPath: true }]),
      'make',
    );
    return marshal(file(undefined, [{ do: 'copy', from: built, src: '/src/app', dest: '/app' }]));
  };
  assert.deepEqual(make(), make());
});

test('equal operations are in the graph once, however often they were made', () => {
  const one = run(base, 'make');
  const two = run(image('docker.io/library/debian:bookworm', {}, { platform: amd64 }), 'make');
  const both = merge([one, two]);
  assert.deepEqual(
    vertices(both).map(v => v.op.kind),
    ['source', 'exec', 'merge'],
  );
});

test('a thousand stages deep, and a diamond doubled forty times, marshal at once', () => {
  let deep: Tree = base;
  for (let i = 0; i < 3000; i++) deep = run(deep, 'step', String(i));
  assert.equal(vertices(deep).length, 3001);

  let wide: Tree = base;
  for (let i = 0; i < 40; i++) wide = merge([run(wide, 'left'), run(wide, 'right')]);
  assert.equal(vertices(wide).length, 1 + 40 * 3);
});

test('inputs come before their users, and the last op names the result', () => {
  const definition = marshal(run(run(base, 'a'), 'b'));
  const graph = unmarshal(definition);
  const seen = new Set<string>();
  for (const vertex of graph.vertices.values()) {
    for (const input of vertex.inputs) assert.ok(seen.has(input.digest));
    seen.add(vertex.digest);
    assert.equal(vertex.digest, digestOf(vertex.bytes));
  }
  assert.deepEqual(graph.target, { digest: [...seen].at(-1), index: 0 });
  assert.equal(definition.ops.length, 4);
});

test('an exec numbers its inputs and results by the sorted mounts', () => {
  const context = local('context');
  const { mount } = exec({
    root: base,
    args: ['make'],
    cwd: '/src',
    mounts: [
      { target: '/src', tree: context, readonly: true },
      { target: '/out' },
      { target: '/cache', cache: { id: 'c', sharing: 'locked' } },
      { target: '/again', tree: context, selector: '/sub', discard: true },
    ],
    secrets: [{ id: 'key', uid: 1, gid: 2, mode: 0o400, optional: true, target: '/run/secrets/key' }],
    ssh: [{ id: '', uid: 0, gid: 0, mode: 0o600, optional: false }],
  });
  const definition = marshal(mount('/out'));
  const graph = unmarshal(definition);
  const made = [...graph.vertices.values()].at(-1);
  assert.ok(made?.op.kind === 'exec');
  assert.deepEqual(
    made.op.mounts.map(m => [m.dest, m.type, m.input, m.output]),
    [
      ['/', 'bind', 0, 0],
      ['/again', 'bind', 1, -1],
      ['/cache', 'cache', -1, -1],
      ['/out', 'bind', -1, 1],
      ['/src', 'bind', 1, -1],
      ['/run/secrets/key', 'secret', -1, 0],
      ['/run/buildkit/ssh_agent.0', 'ssh', -1, 0],
    ],
  );
  assert.equal(graph.target?.index, 1);
  assert.deepEqual(made.op.meta.env, ['SSH_AUTH_SOCK=/run/buildkit/ssh_agent.0']);
  assert.deepEqual(made.metadata.caps, [
    caps.execMetaBase,
    caps.execMetaSetsDefaultPath,
    caps.execMountBind,
    caps.execMountBindReadWriteNoOutput,
    caps.execMountCache,
    caps.execMountCacheSharing,
    caps.execMountSecret,
    caps.execMountSelector,
    caps.execMountSsh,
  ]);
});

test('the actions of one file operation build on each other', () => {
  const other = run(undefined, 'x');
  const tree = file(base, [
    { do: 'mkdir', path: '/a/../b/', mode: 0o755, parents: true, owner: { user: 'app', group: 0 } },
    { do: 'mkfile', path: '/b/f', mode: 0o600, data: Buffer.from('hi'), timestamp: 1700000000123456789n },
    { do: 'copy', from: other, src: 'x/y', dest: '/b/./', mode: 'u+x', includePatterns: ['*.js'] },
    { do: 'rm', path: '/tmp/*', allowWildcard: true },
  ]);
  const vertex = vertices(tree).at(-1);
  assert.ok(vertex?.op.kind === 'file');
  assert.equal(vertex.platform, undefined);
  const [mkdir, mkfile, copy, rm] = vertex.op.actions;
  assert.deepEqual(
    [mkdir, mkfile, copy, rm].map(a => [a?.input, a?.secondaryInput, a?.output]),
    [
      [0, -1, -1],
      [2, -1, -1],
      [3, 1, -1],
      [4, -1, 0],
    ],
  );
  assert.deepEqual(mkdir?.action, {
    kind: 'mkdir',
    path: '/b',
    mode: 0o755,
    makeParents: true,
    owner: { user: { byName: { name: 'app', input: 0 } }, group: { byId: 0 } },
    timestamp: -1n,
  });
  assert.ok(mkfile?.action?.kind === 'mkfile' && mkfile.action.timestamp === 1700000000123456789n);
  assert.ok(copy?.action?.kind === 'copy');
  assert.deepEqual([copy.action.src, copy.action.dest, copy.action.modeText], ['/x/y', '/b/', 'u+x']);
});

test('merging and diffing with the empty file system is free', () => {
  assert.equal(merge([undefined, base, undefined]), base);
  assert.equal(merge([undefined]), undefined);
  assert.equal(diff(undefined, base), base);
  const vertex = vertices(diff(base, run(base, 'x'))).at(-1);
  assert.deepEqual(vertex?.op, { kind: 'diff', lower: { input: 0 }, upper: { input: 1 } });
});

test('the empty file system is a definition without operations', () => {
  const definition = marshal(undefined);
  assert.equal(definition.ops.length, 0);
  assert.deepEqual([...unmarshal(definition).vertices], []);
  assert.equal(unmarshal(definition).target, undefined);
});

test('a source that is known only at the end is made once', () => {
  const paths: string[] = [];
  let made = 0;
  const context = deferred(() => {
    made++;
    return local('context', { followPaths: paths });
  });
  const tree = file(file(base, [{ do: 'copy', from: context, src: '/a', dest: '/a' }]), [
    { do: 'copy', from: context, src: '/b', dest: '/b' },
  ]);
  paths.push('a', 'b');
  const sources = vertices(tree).flatMap(v => (v.op.kind === 'source' ? [v.op] : []));
  assert.equal(made, 1);
  assert.deepEqual(sources.find(s => s.identifier === 'local://context')?.attrs, {
    'local.followpaths': '["a","b"]',
  });
});

test('names, ranges, texts and flags survive the bytes that BuildKit reads', () => {
  const range = { file: 'Dockerfile', start: { line: 2, column: 1 }, end: { line: 3, column: 1 } };
  const within = { file: 'Dockerfile', start: { line: 1, column: 3 }, end: { line: 1, column: 9 } };
  const step = exec(
    { root: image('docker.io/library/x:latest', {}, { range: within }), args: ['make'], cwd: '/' },
    {
      name: '[2/2] RUN make',
      ignoreCache: true,
      range,
      description: { 'com.docker.dockerfile.v1.command': 'RUN make' },
      progressGroup: { id: 'g', name: 'group', weak: true },
    },
  ).root;
  const definition = marshal(step, { sources: new Map([['Dockerfile', 'FROM x\nRUN make\n']]) });
  assert.deepEqual(decodeDefinition(encodeDefinition(definition)), definition);
  assert.deepEqual([...definition.metadata.values()].at(-1)?.caps, [
    'constraints',
    'meta.description',
    'meta.ignorecache',
    'platform',
  ]);
});

test('a graph with a vertex missing, without a head, or with rubbish is refused', () => {
  const definition = marshal(run(base, 'x'));
  const [source, step, head] = definition.ops as [Uint8Array, Uint8Array, Uint8Array];
  const refused = (ops: Uint8Array[]) =>
    assert.throws(() => unmarshal({ ...definition, ops }), { name: 'StagecraftError', code: 'usage' });
  refused([step, head]);
  refused([source, step]);
  refused([source, step, Buffer.from('rubbish')]);
  assert.equal(unmarshal({ ...definition, ops: [step, source, head] }).vertices.size, 2);
});

test('the dump has the shape of buildctl debug dump-llb', () => {
  const tree = file(base, [{ do: 'mkdir', path: '/x', mode: 0o755, owner: { user: 0 } }], {
    name: 'WORKDIR /x',
  });
  const dump = dumpDefinition(marshal(tree));
  assert.deepEqual(dump[0]?.Op, {
    Op: { source: { identifier: 'docker-image://docker.io/library/debian:bookworm' } },
    platform: { Architecture: 'amd64', OS: 'linux' },
    constraints: {},
  });
  assert.deepEqual(dump[1], {
    Op: {
      inputs: [{ digest: dump[0]?.Digest }],
      Op: {
        file: {
          actions: [
            {
              input: 0,
              secondaryInput: -1,
              output: 0,
              Action: {
                mkdir: { path: '/x', mode: 493, owner: { user: { User: {} } }, timestamp: -1 },
              },
            },
          ],
        },
      },
      constraints: {},
    },
    Digest: dump[1]?.Digest,
    OpMetadata: { description: { 'llb.customname': 'WORKDIR /x' }, caps: { 'file.base': true } },
  });
  assert.equal(JSON.stringify(dump).includes('undefined'), false);
});

test('what an operation does is told apart from what it stands on and from proxies', () => {
  const identity = (root: Tree, proxy?: string, args = ['make']) => {
    const step = exec({ root, args, cwd: '/', ...(proxy && { proxyEnv: { httpProxy: proxy } }) }).root;
    return Buffer.from(encodeOperation(vertices(step).at(-1) as GraphVertex)).toString('hex');
  };
  const other = image('docker.io/library/other:latest', {}, { platform: amd64 });
  assert.equal(identity(base), identity(other, 'http://user:secret@proxy:1'));
  assert.notEqual(identity(base), identity(base, undefined, ['make', 'all']));
});

test('addresses of extra hosts and names of caches do not decide what a process makes', () => {
  const identity = (spec: Partial<ExecSpec>): string => {
    const step = exec({ root: base, args: ['make'], cwd: '/', ...spec }).root;
    return Buffer.from(encodeOperation(vertices(step).at(-1) as GraphVertex)).toString('hex');
  };
  const hosts = (...extraHosts: { host: string; ip: string }[]): string => identity({ extraHosts });
  assert.equal(hosts({ host: 'a', ip: '10.0.0.1' }), hosts({ host: 'a', ip: '10.0.0.2' }));
  assert.notEqual(hosts({ host: 'a', ip: '10.0.0.1' }), hosts({ host: 'b', ip: '10.0.0.1' }));
  const cache = (id: string, sharing: 'shared' | 'locked' = 'shared'): string =>
    identity({ mounts: [{ target: '/cache', cache: { id, sharing } }] });
  assert.equal(cache('one'), cache('two', 'locked'));
  assert.notEqual(cache('one'), cache('/cache'), 'BuildKit tells these apart');
});
