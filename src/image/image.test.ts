import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fc } from '../util/property.ts';
import { checkConfig, checkIndex, checkManifest } from './manifest.ts';
import {
  equalPlatforms,
  formatPlatform,
  hostPlatform,
  normalizePlatform,
  parsePlatform,
  rankPlatform,
  selectPlatform,
} from './platform.ts';
import { familiarName, formatFamiliar, normalizeReference, parseName, parseReference } from './reference.ts';
import { mediaTypes } from './types.ts';

const hex = 'a'.repeat(64);

test('references mean what they mean to Docker', () => {
  for (const [text, full] of [
    ['debian', 'docker.io/library/debian:latest'],
    ['debian:bookworm', 'docker.io/library/debian:bookworm'],
    ['library/debian', 'docker.io/library/debian:latest'],
    ['docker.io/debian', 'docker.io/library/debian:latest'],
    ['index.docker.io/team/app', 'docker.io/team/app:latest'],
    ['team/app', 'docker.io/team/app:latest'],
    ['localhost', 'docker.io/library/localhost:latest'],
    ['localhost/app', 'localhost/app:latest'],
    ['localhost:5000/app:1', 'localhost:5000/app:1'],
    ['REGISTRY/app', 'REGISTRY/app:latest'],
    ['example.com/a/b/c:v1.0-x_y', 'example.com/a/b/c:v1.0-x_y'],
    ['[::1]:5000/app', '[::1]:5000/app:latest'],
    ['a__b/c--d.e', 'docker.io/a__b/c--d.e:latest'],
    [`app@sha256:${hex}`, `docker.io/library/app@sha256:${hex}`],
    [`app:1@sha256:${hex}`, `docker.io/library/app:1@sha256:${hex}`],
  ] as const)
    assert.equal(normalizeReference(text), full);
});

test('the familiar form is the shortest that means the same', () => {
  for (const text of [
    'debian:12',
    'team/app:1',
    'localhost/app:1',
    'example.com/debian:1',
    `a@sha256:${hex}`,
  ])
    assert.equal(formatFamiliar(parseReference(text)), text);
  assert.equal(familiarName('docker.io/library/a/b:1'), 'library/a/b:1');
  assert.equal(parseName('debian').tag, undefined);
});

test('what is no reference is refused with the reason', () => {
  for (const [text, reason] of [
    ['', /empty/],
    ['docker://debian', /no address/],
    ['Debian', /lowercase/],
    ['app:', /no tag/],
    ['app:-x', /no tag/],
    [`app:${'x'.repeat(129)}`, /no tag/],
    ['app@sha256:1234', /digest/],
    ['-app', /repository/],
    ['a//b', /repository/],
    ['a___b', /repository/],
    ['../app', /repository|host/],
    ['app name', /repository/],
    [hex, /64 hex/],
    [`${'a/'.repeat(130)}b`, /at most 255/],
  ] as const)
    assert.throws(() => parseReference(text), { code: 'usage', message: reason });
});

test('normal and familiar form mean the same image', () => {
  const part = fc.stringMatching(/^[a-z0-9]{1,5}([._-][a-z0-9]{1,5})?$/);
  const reference = fc
    .tuple(
      fc.constantFrom('', 'docker.io/', 'localhost/', 'host:80/', 'a.b/', 'library/'),
      fc.array(part, { minLength: 1, maxLength: 3 }),
      fc.constantFrom('', ':tag', `@sha256:${hex}`, `:x@sha256:${hex}`),
    )
    .map(([host, parts, end]) => `${host}${parts.join('/')}${end}`);
  fc.assert(
    fc.property(reference, text => {
      const full = normalizeReference(text);
      assert.equal(normalizeReference(full), full);
      assert.equal(normalizeReference(familiarName(full)), full);
    }),
  );
});

test('platforms are read by their many spellings', () => {
  for (const [text, expected] of [
    ['linux/amd64', { os: 'linux', architecture: 'amd64' }],
    ['Linux/x86_64', { os: 'linux', architecture: 'amd64' }],
    ['aarch64', { os: 'linux', architecture: 'arm64' }],
    ['linux/arm64/v8', { os: 'linux', architecture: 'arm64', variant: 'v8' }],
    ['linux/arm', { os: 'linux', architecture: 'arm' }],
    ['linux/arm/7', { os: 'linux', architecture: 'arm', variant: 'v7' }],
    ['armel', { os: 'linux', architecture: 'arm', variant: 'v6' }],
    ['linux/amd64/v3', { os: 'linux', architecture: 'amd64', variant: 'v3' }],
    ['macos/arm64', { os: 'darwin', architecture: 'arm64' }],
    ['windows(10.0.17763)/amd64', { os: 'windows', architecture: 'amd64', 'os.version': '10.0.17763' }],
  ] as const)
    assert.deepEqual(parsePlatform(text), expected);
  assert.equal(parsePlatform('linux').architecture, hostPlatform().architecture);
  for (const text of ['', 'nonsense', 'linux/', 'linux/a/b/c', '*', 'linux/a b'])
    assert.throws(() => parsePlatform(text), { code: 'usage' });
});

test('normal form is stable and equal spellings are equal', () => {
  for (const text of [
    'linux/amd64',
    'linux/arm64',
    'linux/arm/v7',
    'linux/arm/v6',
    'linux/386',
    'linux/s390x',
  ]) {
    const normal = normalizePlatform(parsePlatform(text));
    assert.deepEqual(normalizePlatform(normal), normal);
    assert.equal(formatPlatform(normal), text);
  }
  assert.ok(equalPlatforms(parsePlatform('linux/arm64/v8'), parsePlatform('linux/aarch64')));
  assert.ok(!equalPlatforms(parsePlatform('linux/arm/v6'), parsePlatform('linux/arm')));
});

test('an image for an older variant of the machine serves, and the closest one is taken', () => {
  const rank = (wanted: string, offer: string) => rankPlatform(parsePlatform(wanted), parsePlatform(offer));
  assert.equal(rank('linux/amd64', 'linux/amd64'), 0);
  assert.ok(rank('linux/amd64', 'linux/386')! > 0);
  assert.equal(rank('linux/386', 'linux/amd64'), undefined);
  assert.equal(rank('linux/amd64', 'linux/amd64/v2'), undefined);
  assert.ok(rank('linux/amd64/v3', 'linux/amd64')! > rank('linux/amd64/v3', 'linux/amd64/v2')!);
  assert.ok(rank('linux/arm64', 'linux/arm/v6')! > rank('linux/arm64', 'linux/arm/v7')!);
  assert.equal(rank('linux/arm/v6', 'linux/arm/v7'), undefined);
  assert.equal(rank('linux/amd64', 'windows/amd64'), undefined);
  const offers = ['linux/386', 'linux/arm64', 'linux/amd64'];
  assert.equal(
    selectPlatform(parsePlatform('linux/amd64'), offers, each => parsePlatform(each)),
    'linux/amd64',
  );
});

const descriptor = { mediaType: mediaTypes.config, digest: `sha256:${hex}`, size: 2 };
const manifest = { schemaVersion: 2, mediaType: mediaTypes.manifest, config: descriptor, layers: [] };

test('manifests of others are checked before they are believed', () => {
  assert.equal(checkManifest({ ...manifest }, 'It').config.size, 2);
  assert.equal(checkManifest({ ...manifest, mediaType: undefined }, 'It').mediaType, mediaTypes.manifest);
  for (const change of [
    { schemaVersion: 1 },
    { mediaType: 'text/plain' },
    { manifests: [] },
    { layers: {} },
    { layers: [{ ...descriptor, digest: '../../etc/passwd' }] },
    { layers: [{ ...descriptor, size: -1 }] },
    { layers: [{ ...descriptor, size: '1' }] },
    { config: null },
  ])
    assert.throws(() => checkManifest({ ...manifest, ...change }, 'It'), /^StagecraftError: It/);
  const index = { schemaVersion: 2, mediaType: mediaTypes.index, manifests: [descriptor] };
  assert.equal(checkIndex(index, 'It').manifests.length, 1);
  assert.throws(() => checkIndex({ ...index, layers: [] }, 'It'), { code: 'integrity' });
});

test('configs of others are checked before they are believed', () => {
  const config = {
    os: 'linux',
    architecture: 'amd64',
    rootfs: { type: 'layers', diff_ids: [`sha256:${hex}`] },
  };
  assert.equal(checkConfig(config, 'It').rootfs.diff_ids.length, 1);
  assert.deepEqual(checkConfig({ ...config, history: null, config: null }, 'It'), config);
  for (const change of [{ os: 1 }, { rootfs: { diff_ids: ['x'] } }, { history: {} }, { config: 'x' }])
    assert.throws(() => checkConfig({ ...config, ...change }, 'It'), { code: 'integrity' });
  const usual = { Env: ['A=b'], Labels: { a: 'b' }, Healthcheck: { Test: ['NONE'] }, Hostname: 'x' };
  assert.deepEqual(checkConfig({ ...config, config: { ...usual, Cmd: null } }, 'It').config, usual);
  for (const [name, value] of Object.entries({
    ...{ Env: 'A=b', Cmd: [1], Entrypoint: 'sh', Labels: { a: 1 }, User: 0, WorkingDir: ['/'] },
    ...{ ExposedPorts: ['80/tcp'], Volumes: '/v', OnBuild: [null], StopSignal: 9, Shell: {} },
    ...{ Healthcheck: { Test: 'curl' }, ArgsEscaped: 'yes' },
  }))
    assert.throws(
      () => checkConfig({ ...config, config: { [name]: value } }, 'It'),
      new RegExp(`It has something in its field config\\.${name} that does not belong there`),
    );
  for (const history of [[{ created_by: ['x'] }], ['x']])
    assert.throws(() => checkConfig({ ...config, history }, 'It'), /field history/);
});
