import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { parseReference } from '../image/reference.ts';
import { agentsFor, endpointsFor } from './endpoints.ts';
import { readRegistrySettings } from './settings.ts';

const digest = `sha256:${'0'.repeat(64)}`;

/** A home directory with these files in its `.config`. */
function home(t: TestContext, files: Record<string, string>): NodeJS.ProcessEnv {
  const directory = mkdtempSync(join(tmpdir(), 'stagecraft-settings-'));
  t.after(() => rmSync(directory, { recursive: true }));
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(directory, '.config', path)), { recursive: true });
    writeFileSync(join(directory, '.config', path), text);
  }
  return { HOME: directory };
}

/** Where a name is looked for, in order: the address of each repository, `|` between TLS and plain HTTP. */
async function placesOf(env: NodeJS.ProcessEnv, name: string): Promise<string[]> {
  return endpointsFor(await readRegistrySettings(env), parseReference(name)).map(({ bases, repository }) =>
    bases.map(base => new URL(repository, base).href).join('|'),
  );
}

test('names lead to their registries, and this machine needs no TLS', async t => {
  const env = home(t, { 'containers/registries.conf': '' });
  for (const [name, ...places] of [
    ['debian', 'https://registry-1.docker.io/v2/library/debian'],
    ['index.docker.io/me/app:1', 'https://registry-1.docker.io/v2/me/app'],
    ['ghcr.io/a/b/c', 'https://ghcr.io/v2/a/b/c'],
    ['localhost:5000/app', 'https://localhost:5000/v2/app|http://localhost:5000/v2/app'],
    ['127.8.9.1/app', 'https://127.8.9.1/v2/app|http://127.8.9.1/v2/app'],
    ['[::1]:5000/app', 'https://[::1]:5000/v2/app|http://[::1]:5000/v2/app'],
    ['localhost.example.com/app', 'https://localhost.example.com/v2/app'],
  ] as const)
    assert.deepEqual(await placesOf(env, name), places);
});

test('registries.conf moves, mirrors and blocks by the longest prefix', async t => {
  const env = home(t, {
    'containers/registries.conf': `
[[registry]]
prefix = "docker.io"
location = "docker.io"
[[registry.mirror]]
location = "mirror.test/hub"
[[registry.mirror]]
location = "by-digest.test"
pull-from-mirror = "digest-only"
[[registry.mirror]]
location = "by-tag.test"
pull-from-mirror = "tag-only"
insecure = true
[[registry]]
prefix = "docker.io/me"
location = "mine.test/images"
[[registry]]
prefix = "*.wild.test"
mirror-by-digest-only = true
[[registry.mirror]]
location = "tame.test/wild"
[[registry]]
location = "old.test"
insecure = true
`,
    'containers/registries.conf.d/10-over.conf': '[[registry]]\nlocation = "old.test"\nblocked = true\n',
  });
  for (const [name, ...places] of [
    [
      'debian',
      'https://mirror.test/v2/hub/library/debian',
      'https://by-tag.test/v2/library/debian|http://by-tag.test/v2/library/debian',
      'https://registry-1.docker.io/v2/library/debian',
    ],
    [
      `debian@${digest}`,
      'https://mirror.test/v2/hub/library/debian',
      'https://by-digest.test/v2/library/debian',
      'https://registry-1.docker.io/v2/library/debian',
    ],
    ['me/app', 'https://mine.test/v2/images/app'],
    ['a.wild.test/app', 'https://a.wild.test/v2/app'],
    [`a.wild.test/app@${digest}`, 'https://tame.test/v2/wild/app', 'https://a.wild.test/v2/app'],
    ['wild.test/app', 'https://wild.test/v2/app'],
  ] as const)
    assert.deepEqual(await placesOf(env, name), places);
  await assert.rejects(placesOf(env, 'old.test/app'), /settings of this machine block old\.test\/app/);
});

test("what Docker's engine is set up with counts where registries.conf says nothing", async t => {
  const daemon = JSON.stringify({
    'registry-mirrors': ['https://mirror.test/', 'http://plain.test:5000/hub'],
    'insecure-registries': ['inner.test:5000', '10.0.0.0/8'],
  });
  const hub = 'https://registry-1.docker.io/v2/library/debian';
  const env = home(t, { 'docker/daemon.json': daemon, 'containers/registries.conf': '' });
  assert.deepEqual(await placesOf(env, 'debian'), [
    'https://mirror.test/v2/library/debian',
    'https://plain.test:5000/v2/hub/library/debian|http://plain.test:5000/v2/hub/library/debian',
    hub,
  ]);
  assert.deepEqual(await placesOf(env, 'inner.test:5000/app'), [
    'https://inner.test:5000/v2/app|http://inner.test:5000/v2/app',
  ]);
  assert.deepEqual(await placesOf(env, 'ghcr.io/app'), ['https://ghcr.io/v2/app']);
  const conf = '[[registry]]\nlocation = "docker.io"\n';
  const both = home(t, { 'docker/daemon.json': daemon, 'containers/registries.conf': conf });
  assert.deepEqual(await placesOf(both, 'debian'), [hub]);
  await assert.rejects(
    placesOf(home(t, { 'docker/daemon.json': '{' }), 'debian'),
    /daemon\.json are not JSON/,
  );
});

test('a client certificate without its key is an error that says so', t => {
  const env = home(t, { 'containers/certs.d/inner.test/client.cert': 'x' });
  assert.throws(() => agentsFor('inner.test', env, false), /client\.cert has no key beside it/);
});

test('certificates that are none are told with their directory', t => {
  const home = mkdtempSync(join(tmpdir(), 'stagecraft-certificates-'));
  t.after(() => rmSync(home, { recursive: true }));
  const directory = join(home, '.config/containers/certs.d/registry.test:5000');
  mkdirSync(directory, { recursive: true });
  for (const name of ['client.cert', 'client.key']) writeFileSync(join(directory, name), 'nothing');
  assert.throws(
    () => agentsFor('registry.test:5000', { HOME: home }, false),
    /The certificates in .*certs\.d\/registry\.test:5000 cannot be used: /,
  );
});
