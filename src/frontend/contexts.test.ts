import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { GraphVertex } from '../llb/index.ts';
import { parseGitContext } from './contexts.ts';
import { plan } from './testing.ts';
import type { GitContext, NamedContext } from './types.ts';

const everything = 'FROM scratch\nCOPY . /all/\n';

/** The source of the graph's context: identifier, attributes and name. */
function sourceOf(vertices: readonly GraphVertex[]): unknown[] {
  return vertices.flatMap(({ op, metadata }) =>
    op.kind === 'source' ? [op.identifier, { ...op.attrs }, metadata.name] : [],
  );
}

function gitContext(address: string, more: object = {}): GitContext {
  return { type: 'git', address, ref: parseGitContext(address)!, ...more };
}

const secrets = { 'git.authtokensecret': 'GIT_AUTH_TOKEN', 'git.authheadersecret': 'GIT_AUTH_HEADER' };

test('a repository is one source, and no ignore pattern shapes it', async () => {
  const address = 'https://user:pass@example.org/app.git#v1:sub';
  const { vertices } = await plan(everything, { remoteContext: gitContext(address), ignorePatterns: ['a'] });
  assert.deepEqual(sourceOf(vertices), [
    'git://example.org/app.git#v1:sub',
    { 'git.fullurl': 'https://user:pass@example.org/app.git', ...secrets },
    '[internal] load git source https://xxxxx:xxxxx@example.org/app.git#v1:sub',
  ]);
});

test('what the address says of times goes before what the build says, and either may ask for .git', async () => {
  const asked = { keepGitDir: true, mtime: 'commit' };
  const own = gitContext('https://h/a.git?mtime=checkout&keep-git-dir=0&submodules=0', asked);
  const { vertices } = await plan(everything, { remoteContext: own });
  assert.deepEqual(sourceOf(vertices)[1], {
    'git.fullurl': 'https://h/a.git',
    'git.keepgitdir': 'true',
    'git.mtime': 'checkout',
    'git.skipsubmodules': 'true',
    ...secrets,
  });
});

test('addresses of repositories are told from others', () => {
  for (const [address, remote, ref, subdir] of [
    ['github.com/owner/app', 'https://github.com/owner/app', undefined, undefined],
    ['github.com/owner/app.git#main:d', 'https://github.com/owner/app.git', 'main', 'd'],
    ['git@example.org:app.git#v1', 'git@example.org:app.git', 'v1', undefined],
    ['ssh://git@example.org:22/app', 'ssh://git@example.org:22/app', undefined, undefined],
    ['git://example.org/app#:x', 'git://example.org/app', undefined, 'x'],
    ['http://h/a.git?branch=b&subdir=s', 'http://h/a.git', 'refs/heads/b', 's'],
  ] as const) {
    const found = parseGitContext(address);
    assert.deepEqual([found?.remote, found?.ref, found?.subdir], [remote, ref, subdir], address);
  }
  for (const other of ['.', './github.com/x', '../a@b:c', 'https://h/a.tar.gz', 'a/b', 'github.community/x'])
    assert.equal(parseGitContext(other), undefined, other);
});

test('an archive is unpacked in the graph; a plain file is the context', async () => {
  const url = 'https://example.org/a.tar.gz';
  const source = [url, { 'http.filename': 'context' }, '[internal] load remote build context'];
  const packed = await plan(everything, { remoteContext: { type: 'http', url, archive: true } });
  assert.deepEqual(sourceOf(packed.vertices), source);
  const unpack = packed.step('[internal] unpack build context').op;
  assert.ok(unpack.kind === 'file');
  assert.partialDeepStrictEqual(unpack.actions[0]?.action, {
    kind: 'copy',
    src: '/context',
    dest: '/',
    attemptUnpack: true,
  });
  const plain = await plan(everything, { remoteContext: { type: 'http', url, archive: false } });
  assert.deepEqual(sourceOf(plain.vertices), source);
  assert.equal(plain.vertices.length, packed.vertices.length - 1);
});

test('named contexts are sources of their kinds, in place of stages and images', async () => {
  const digest = `sha256:${'1'.repeat(64)}` as const;
  const { vertices, names, config } = await plan(
    'FROM nowhere AS one\nRUN false\nFROM two\nCOPY --from=one /x /\nCOPY --from=three context /y\n',
    {
      namedContexts: new Map<string, NamedContext>([
        ['one', gitContext('https://h/a.git')],
        ['two', { type: 'oci-layout', store: 'place', digest }],
        ['three', { type: 'http', url: 'https://u@h/f' }],
      ]),
      resolveLayout: async (store, ref, platform) => {
        assert.deepEqual([store, ref], ['place', `docker.io/library/two@${digest}`]);
        const rootfs = { type: 'layers' as const, diff_ids: [digest] };
        return { name: ref, digest, config: { ...platform, rootfs, config: { Env: ['A=1'] } } };
      },
    },
  );
  assert.deepEqual(names.filter(name => !/COPY/.test(name)).sort(), [
    '[context three] https://xxxxx@h/f',
    '[context two] OCI load from client',
    '[internal] load git source https://h/a.git',
  ]);
  const layout = vertices.find(({ op }) => op.kind === 'source' && op.identifier.startsWith('oci-layout://'));
  assert.ok(layout?.op.kind === 'source');
  assert.equal(layout.op.identifier, `oci-layout://docker.io/library/two@${digest}`);
  assert.equal(layout.op.attrs['oci.store'], 'place');
  assert.ok(config.config?.Env?.includes('A=1'));
});
