import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { parseReference } from '../image/reference.ts';
import { endpointsFor } from './endpoints.ts';
import { readRegistrySettings } from './settings.ts';

const digest = `sha256:${'a'.repeat(64)}`;

/** Where an image is looked for, with these registries.conf(5) settings. */
async function places(t: TestContext, settings: string, name: string): Promise<string[]> {
  const directory = mkdtempSync(join(tmpdir(), 'stagecraft-settings-'));
  t.after(() => rmSync(directory, { recursive: true }));
  const file = join(directory, 'registries.conf');
  writeFileSync(file, settings);
  const read = await readRegistrySettings({ HOME: directory, CONTAINERS_REGISTRIES_CONF: file });
  return endpointsFor(read, parseReference(name)).map(
    ({ bases, repository }) => `${bases.map(base => base.href.replace('/v2/', '')).join('|')} ${repository}`,
  );
}

test('Docker Hub is at its own address; a registry of this machine needs no TLS', async t => {
  assert.deepEqual(await places(t, '', 'debian'), ['https://registry-1.docker.io library/debian']);
  assert.deepEqual(await places(t, '', 'localhost:5000/a'), [
    'https://localhost:5000|http://localhost:5000 a',
  ]);
});

test('mirrors come first, with the rest of the name; the longest prefix counts', async t => {
  const settings = `
[[registry]]
location = "docker.io"
[[registry.mirror]]
location = "mirror.test/hub"
insecure = true
[[registry]]
prefix = "docker.io/team"
location = "elsewhere.test/our"
`;
  assert.deepEqual(await places(t, settings, 'debian'), [
    'https://mirror.test|http://mirror.test hub/library/debian',
    'https://registry-1.docker.io library/debian',
  ]);
  assert.deepEqual(await places(t, settings, 'team/app'), ['https://elsewhere.test our/app']);
});

test('a mirror may be for digests or for tags alone', async t => {
  const settings = `
[[registry]]
location = "one.test"
mirror-by-digest-only = true
[[registry.mirror]]
location = "digests.test"
[[registry]]
location = "two.test"
[[registry.mirror]]
location = "digests.test"
pull-from-mirror = "digest-only"
[[registry.mirror]]
location = "tags.test"
pull-from-mirror = "tag-only"
[[registry.mirror]]
location = "all.test"
pull-from-mirror = "all"
`;
  const hosts = async (name: string) =>
    (await places(t, settings, name)).map(place => /^https:\/\/(\w+)/.exec(place)?.[1]);
  assert.deepEqual(await hosts('one.test/a:1'), ['one']);
  assert.deepEqual(await hosts(`one.test/a@${digest}`), ['digests', 'one']);
  assert.deepEqual(await hosts('two.test/a:1'), ['tags', 'all', 'two']);
  assert.deepEqual(await hosts(`two.test/a:1@${digest}`), ['digests', 'all', 'two']);
});
