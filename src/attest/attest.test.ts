import assert from 'node:assert/strict';
import { test } from 'node:test';
import { exec, git, http, image, local, marshal, merge, type Tree, unmarshal } from '../llb/index.ts';
import { StagecraftError } from '../util/errors.ts';
import { imageUri } from './image-uri.ts';
import { dependenciesOf } from './materials.ts';
import { longForm, parseAttestations } from './options.ts';
import { type BuildFacts, provenanceOf } from './provenance.ts';
import { toV02 } from './provenance-v02.ts';

const amd64 = { os: 'linux', architecture: 'amd64' };
const digest = `sha256:${'d'.repeat(64)}` as const;
const commit = 'c'.repeat(40);
const debian = image(`docker.io/library/debian:bookworm@${digest}`, {}, { platform: amd64 });
const repository = git({
  remote: 'https://user:word@git.example/app.git',
  host: 'git.example',
  path: '/app.git',
  ref: 'main',
  subdir: 'src',
});
const file = http('https://files.example/tool.tar.gz');

const verticesOf = (tree: Tree) => unmarshal(marshal(tree)).vertices.values();

function pinsOf(tree: Tree): Map<string, string> {
  const pins = new Map<string, string>();
  for (const { op } of verticesOf(tree))
    if (op.kind === 'source' && op.identifier.startsWith('git://')) pins.set(op.identifier, commit);
  pins.set('https://files.example/tool.tar.gz', digest);
  return pins;
}

test('materials are images by digest, commits and files; credentials are no part of them', () => {
  const tree = merge([debian, repository, file, local('context')]);
  const { materials, locals, usesNetwork } = dependenciesOf(verticesOf(tree), pinsOf(tree));
  assert.deepEqual(materials, [
    {
      uri: 'pkg:docker/debian@bookworm?platform=linux%2Famd64',
      digest: { sha256: 'd'.repeat(64) },
    },
    { uri: 'https://xxxxx:xxxxx@git.example/app.git#main', digest: { sha1: commit } },
    { uri: 'https://files.example/tool.tar.gz', digest: { sha256: 'd'.repeat(64) } },
  ]);
  assert.deepEqual(locals, ['context']);
  assert.equal(usesNetwork, false);
});

test('what a process is lent is known by its id; what one needs is needed', () => {
  const lent = { uid: 0, gid: 0, mode: 0o400 };
  const run = (root: Tree, optional: boolean): Tree =>
    exec(
      {
        root,
        args: ['x'],
        cwd: '/',
        secrets: [{ ...lent, target: '/s', id: 'token', optional }],
        ssh: [{ ...lent, target: '/a', id: 'default', optional: true }],
      },
      { platform: amd64 },
    ).root;
  const { secrets, ssh, usesNetwork } = dependenciesOf(verticesOf(run(run(debian, true), false)), new Map());
  assert.deepEqual(secrets, [{ id: 'token' }]);
  assert.deepEqual(ssh, [{ id: 'default', optional: true }]);
  assert.equal(usesNetwork, true);
});

test('references as package URLs', () => {
  assert.equal(imageUri('docker', 'debian', undefined), 'pkg:docker/debian@latest');
  assert.equal(
    imageUri('docker', `debian@${digest}`, undefined),
    `pkg:docker/debian?digest=sha256%3A${digest.slice(7)}`,
  );
  assert.equal(
    imageUri('oci', 'registry.example/team/app:1', { ...amd64, architecture: 'arm64', variant: 'v8' }),
    'pkg:oci/app@1?platform=linux%2Farm64&repository_url=registry.example%2Fteam%2Fapp',
  );
});

const facts = (tree: Tree): BuildFacts => ({
  definition: marshal(tree),
  pins: pinsOf(tree),
  args: { 'build-arg:PROXY': 'http://me:word@proxy.example', target: 'app' },
  contextAddress: 'https://user:word@git.example/app.git#main:src',
  dockerfile: 'Dockerfile',
  hasLocalDockerfile: false,
  startedAt: new Date(0),
  invocationId: 'i',
  version: '1',
});

test('a build of a commit without processes is hermetic, and its context has a digest', () => {
  const options = { mode: 'max', builderId: '', reproducible: false } as const;
  const predicate = provenanceOf(facts(merge([debian, repository])), options);
  const { configSource, request } = predicate.buildDefinition.externalParameters;
  assert.deepEqual(configSource.digest, { sha1: commit });
  assert.deepEqual(request.args, {
    'build-arg:PROXY': 'http://xxxxx:xxxxx@proxy.example',
    target: 'app',
  });
  const { metadata } = predicate.runDetails;
  assert.equal(metadata.buildkit_hermetic, true);
  assert.deepEqual(metadata.buildkit_completeness, { request: true, resolvedDependencies: true });
  const min = provenanceOf(facts(debian), { ...options, mode: 'min' });
  assert.deepEqual(min.buildDefinition.externalParameters.request.args, { target: 'app' });
  assert.ok(!JSON.stringify([predicate, toV02(predicate)]).includes('word@'));
});

test('flags: the last of a type counts, and may take it away', () => {
  assert.deepEqual(parseAttestations([]), {});
  assert.deepEqual(parseAttestations(['type=sbom', longForm('sbom', 'false')]), {});
  const { provenance } = parseAttestations(['type=provenance,mode=min', longForm('provenance', 'true')]);
  assert.deepEqual(provenance, {
    mode: 'max',
    version: 'v1',
    builderId: '',
    reproducible: false,
    inlineOnly: false,
    fileName: 'provenance.json',
  });
  for (const text of ['', 'type=', 'type=sbom,generator=x', 'type=provenance,version=v2'])
    assert.throws(() => parseAttestations([text]), StagecraftError, text);
});
