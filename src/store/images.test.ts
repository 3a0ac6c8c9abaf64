import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { putJson } from '../content/json.ts';
import { parsePlatform } from '../image/platform.ts';
import { mediaTypes } from '../image/types.ts';
import { digestOf } from '../util/digest.ts';
import { blobsOf } from './blobs.ts';
import { putImage } from './fixture.ts';
import { dropNames, findImage, isUntagged, listRecords, nameImage, tagImage } from './images.ts';
import { imageHistory, inspectImage, listImages } from './inspect.ts';
import { removeImage } from './remove.ts';
import { openStore, type Store } from './store.ts';

const dir = mkdtempSync(join(tmpdir(), 'stagecraft-images-'));
const stores: Store[] = [];
after(() => {
  for (const store of stores) store.close();
  rmSync(dir, { recursive: true });
});

function newStore(): Store {
  const store = openStore(join(dir, String(stores.length)));
  stores.push(store);
  return store;
}

function refNames(store: Store): (string | undefined)[] {
  const index = JSON.parse(readFileSync(store.path('index.json'), 'utf8')) as {
    manifests: { annotations: Record<string, string> }[];
  };
  return index.manifests.map(entry => entry.annotations['org.opencontainers.image.ref.name']);
}

test('an image is found by name, by digest, by ID and by the beginning of its ID', () => {
  const store = newStore();
  const app = putImage(store, 'app');
  nameImage(store, app, ['docker.io/library/app:latest']);
  nameImage(store, putImage(store, 'other'), ['localhost/other:1']);
  const { Id: id } = inspectImage(store, 'app');
  for (const text of [
    'app',
    'app:latest',
    'docker.io/library/app',
    app.digest,
    `app@${app.digest}`,
    id,
    id.slice(7),
    id.slice(7, 15),
  ])
    assert.equal(findImage(store, text).descriptor.digest, app.digest, text);
  for (const text of ['app:2', 'nothing', '<none>', 'f'.repeat(64), `other@${app.digest}`])
    assert.throws(() => findImage(store, text), { code: 'not-found' }, text);
});

test('an ambiguous beginning of an ID is refused', () => {
  const store = newStore();
  for (let i = 0; i < 40; i++) nameImage(store, putImage(store, `image ${i}`), [`localhost/image:${i}`]);
  const digits = [...'0123456789abcdef'];
  assert.ok(
    digits.some(digit => {
      try {
        findImage(store, digit);
        return false;
      } catch (error) {
        return (error as { code?: string }).code === 'usage';
      }
    }),
  );
});

test('index.json follows the names', () => {
  const store = newStore();
  nameImage(store, putImage(store, 'one'), ['docker.io/library/app:1', 'localhost:5000/app:1']);
  assert.deepEqual(refNames(store), ['app:1', 'localhost:5000/app:1']);
  tagImage(store, 'app:1', 'team/app');
  assert.ok(refNames(store).includes('team/app:latest'));
  dropNames(store, ['localhost:5000/app:1']);
  assert.deepEqual(refNames(store), ['app:1', 'team/app:latest']);
});

test('a name that moves to another image leaves the old one untagged, as in Docker', () => {
  const store = newStore();
  const [first, second] = [putImage(store, 'first'), putImage(store, 'second')];
  nameImage(store, first, ['docker.io/library/app:latest']);
  nameImage(store, second, ['docker.io/library/app:latest']);
  assert.deepEqual(
    listRecords(store)
      .filter(isUntagged)
      .map(record => record.descriptor.digest),
    [first.digest],
  );
  assert.equal(listImages(store).find(image => image.digest === first.digest)!.name, undefined);
  tagImage(store, first.digest, 'old');
  assert.deepEqual(listRecords(store).filter(isUntagged), []);
});

test('a name is only given to an image that is there, and has no digest', () => {
  const store = newStore();
  const app = putImage(store, 'app');
  nameImage(store, app, []);
  assert.ok(isUntagged(findImage(store, app.digest)));
  assert.throws(() => tagImage(store, app.digest, `x@${app.digest}`), { code: 'usage' });
  assert.throws(() => tagImage(store, 'absent', 'x'), { code: 'not-found' });
  const gone = { ...app, digest: `sha256:${'0'.repeat(64)}` as const };
  assert.throws(() => nameImage(store, gone, ['docker.io/library/x:1']), { code: 'not-found' });
  assert.equal(listRecords(store).length, 1);
});

test('history pairs steps with layers, newest first', () => {
  const store = newStore();
  nameImage(store, putImage(store, 'content'), ['docker.io/library/app:latest']);
  const lines = imageHistory(store, 'app');
  assert.deepEqual(
    lines.map(line => [line.createdBy, line.isEmpty, line.size]),
    [
      ['CMD /hello', true, 0],
      ['COPY hello /', false, 7],
    ],
  );
  nameImage(store, putImage(store, 'bare', { history: [] }), ['docker.io/library/bare:latest']);
  assert.deepEqual(
    imageHistory(store, 'bare').map(line => line.size),
    [4],
  );
});

test('of an image for several platforms the wanted one is shown, and attestations are none', () => {
  const store = newStore();
  const blobs = blobsOf(store);
  const manifests = [
    { ...putImage(store, 'intel'), platform: { os: 'linux', architecture: 'amd64' } },
    {
      ...putImage(store, 'arm', { architecture: 'arm64' }),
      platform: { os: 'linux', architecture: 'arm64' },
    },
    { ...putImage(store, 'proof'), platform: { os: 'unknown', architecture: 'unknown' } },
  ];
  const index = putJson(blobs, { schemaVersion: 2, mediaType: mediaTypes.index, manifests });
  nameImage(store, { mediaType: mediaTypes.index, ...index }, ['docker.io/library/multi:latest']);
  assert.equal(inspectImage(store, 'multi', parsePlatform('linux/arm64')).Architecture, 'arm64');
  assert.throws(() => inspectImage(store, 'multi', parsePlatform('linux/s390x')), {
    code: 'not-found',
    message: /linux\/s390x; it has linux\/amd64, linux\/arm64/,
  });
  assert.deepEqual(listImages(store)[0]!.platforms, ['linux/amd64', 'linux/arm64']);
  assert.equal(listImages(store)[0]!.id, index.digest);
});

test('a damaged image does not hide the others', () => {
  const store = newStore();
  nameImage(store, putImage(store, 'good'), ['docker.io/library/good:latest']);
  const bad = putImage(store, 'bad');
  nameImage(store, bad, ['docker.io/library/bad:latest']);
  rmSync(blobsOf(store).path(bad.digest));
  const summaries = new Map(listImages(store).map(image => [image.name, image]));
  assert.equal(summaries.get('good:latest')!.problem, undefined);
  assert.match(summaries.get('bad:latest')!.problem!, /not in the store/);
  assert.equal(dropNames(store, ['docker.io/library/bad:latest']), 1);
});

test('removing a name keeps the image while it has another; with the last one its blobs go', async () => {
  const store = newStore();
  const blobs = blobsOf(store);
  const app = putImage(store, 'app');
  nameImage(store, app, ['docker.io/library/app:1', 'docker.io/library/app:2']);
  nameImage(store, putImage(store, 'other'), ['docker.io/library/other:1']);
  for (const name of readdirSync(store.path('blobs/sha256')))
    utimesSync(store.path('blobs/sha256', name), 1, 1);
  await assert.rejects(removeImage(store, app.digest), { code: 'usage', message: /app:1, app:2/ });
  assert.deepEqual(await removeImage(store, 'app:1'), { untagged: ['app:1'] });
  assert.ok(blobs.has(app.digest));
  assert.deepEqual(await removeImage(store, app.digest), { untagged: ['app:2'], deleted: app.digest });
  assert.ok(!blobs.has(app.digest) && !blobs.has(digestOf('app')));
  assert.ok(blobs.has(digestOf('other')));
  await assert.rejects(removeImage(store, 'app:1'), { code: 'not-found' });
});

test('with force an image goes with all its names', async () => {
  const store = newStore();
  const app = putImage(store, 'app');
  nameImage(store, app, ['docker.io/library/app:1', 'docker.io/library/app:2']);
  const removed = await removeImage(store, app.digest, { force: true });
  assert.deepEqual(removed, { untagged: ['app:1', 'app:2'], deleted: app.digest });
  assert.deepEqual(listRecords(store), []);
});
