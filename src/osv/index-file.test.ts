import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { makeZip } from '../sbom/testing.ts';
import { openStore } from '../store/store.ts';
import { OsvIndex } from './index-file.ts';
import { keyOfId } from './keys.ts';

const root = mkdtempSync(join(tmpdir(), 'stagecraft-osv-'));
const store = openStore(join(root, 'store'));
after(() => {
  store.close();
  rmSync(root, { recursive: true });
});

function record(id: string, ecosystem: string, ...names: string[]): string {
  return JSON.stringify({ id, affected: names.map(name => ({ package: { ecosystem, name } })) });
}

/** What is found under each key, and which archives had to be read. */
async function look(
  place: string,
  ...keys: string[]
): Promise<{ ids: string[][]; read: number; damaged: number }> {
  let read = 0;
  const index = await OsvIndex.open(store, place, { onRead: () => (read += 1) });
  try {
    return { ids: keys.map(key => index.find(key).map(({ id }) => id)), read, damaged: index.damaged };
  } finally {
    index.close();
  }
}

test('records of files and archives are found by package and id; only what changed is read again', async () => {
  const place = join(root, 'osv');
  mkdirSync(join(place, 'npm'), { recursive: true });
  const zip = join(place, 'npm/all.zip');
  const entries = Object.fromEntries(
    [...Array(500).keys()].map(i => [`GHSA-${i}.json`, record(`GHSA-${i}`, 'npm', 'left', `p${i}`)]),
  );
  writeFileSync(zip, makeZip(entries));
  writeFileSync(join(place, 'PYSEC-1.json'), record('PYSEC-1', 'PyPI', 'Zope_Interface'));
  const keys = ['p7', 'zope-interface', keyOfId('GHSA-499'), 'other'];
  const first = await look(place, ...keys);
  assert.deepEqual(first, { ids: [['GHSA-7'], ['PYSEC-1'], ['GHSA-499'], []], read: 1, damaged: 0 });
  assert.deepEqual(await look(place, ...keys), { ...first, read: 0 });
  assert.equal((await look(place, 'left')).ids[0]!.length, 500);

  writeFileSync(zip, makeZip({ 'GHSA-7.json': record('GHSA-7', 'npm', 'other') }));
  rmSync(join(place, 'PYSEC-1.json'));
  assert.deepEqual(await look(place, ...keys), { ids: [[], [], [], ['GHSA-7']], read: 1, damaged: 0 });
});

test('what is no record is counted, and spoils nothing', async () => {
  const place = join(root, 'damaged');
  mkdirSync(place);
  const zip = makeZip({ 'X-1.json': record('X-1', 'npm', 'a'), 'X-2.json': '{"id":', 'README.md': 'read' });
  writeFileSync(join(place, 'all.zip'), zip);
  writeFileSync(join(place, 'cut.zip'), zip);
  truncateSync(join(place, 'cut.zip'), 60);
  for (const [i, text] of [
    'null',
    '{}',
    '{"id":"Y","affected":[null,{},{"package":null}]}',
    '['.repeat(1e6),
  ].entries())
    writeFileSync(join(place, `${i}.json`), text);
  assert.deepEqual(await look(place, 'a'), { ids: [['X-1']], read: 2, damaged: 5 });
});

test('a place without records is refused, and one that is not there', async () => {
  mkdirSync(join(root, 'empty'));
  await assert.rejects(look(join(root, 'empty')), /There are no records of OSV at/);
  await assert.rejects(look(join(root, 'none')), /There is no OSV database at/);
});

test('one archive may be all there is', async () => {
  const zip = join(root, 'all.zip');
  writeFileSync(zip, makeZip({ 'X-1.json': record('X-1', 'npm', 'a') }));
  assert.deepEqual((await look(zip, 'a')).ids, [['X-1']]);
});
