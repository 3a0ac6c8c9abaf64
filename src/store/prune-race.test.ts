import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { blobsOf } from './blobs.ts';
import { putImage } from './fixture.ts';
import { dropNames, nameImage } from './images.ts';
import { readImage } from './inspect.ts';
import { takeLease } from './leases.ts';
import { pruneStore } from './prune.ts';
import { openStore } from './store.ts';

const dir = mkdtempSync(join(tmpdir(), 'stagecraft-race-'));
after(() => rmSync(dir, { recursive: true }));

/** Stores an image, the same one again and again, looks whether all of it is there, and takes it away. */
function useStore(root: string, rounds: number): void {
  const store = openStore(root);
  const blobs = blobsOf(store);
  for (let round = 0; round < rounds; round++) {
    const lease = takeLease(store);
    const image = putImage(store, `image ${round % 12}`);
    nameImage(store, image, ['docker.io/library/app:latest']);
    const { manifest } = readImage(blobs, image);
    for (const layer of manifest.layers) blobs.read(layer.digest, 100);
    dropNames(store, ['docker.io/library/app:latest']);
    lease.release();
  }
  store.close();
}

if (process.argv[2] === 'use') useStore(process.argv[3]!, 200);
else
  test('collection never takes what another process is using, however they meet', async () => {
    const root = join(dir, 'store');
    const store = openStore(root);
    const child = spawn(process.execPath, [import.meta.filename, 'use', root], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let complaint = '';
    child.stderr.setEncoding('utf8').on('data', text => {
      complaint += text;
    });
    const exit = once(child, 'exit');
    let taken = 0;
    while (child.exitCode === null && child.signalCode === null) {
      // With hardly a margin of time, so that blobs are old soon and every round is a race.
      taken += (
        await pruneStore(store, { all: true, margin: 15, ...(taken % 2 ? { limits: { maxUsed: 0 } } : {}) })
      ).blobs;
      // Waiting for the database is not fair: a loop without pause would starve the other process.
      await setTimeout(Math.random() * 8);
    }
    await exit;
    assert.equal(child.exitCode, 0, complaint);
    assert.ok(taken > 0, 'the two never met');
    await pruneStore(store, { all: true, margin: -60_000 });
    assert.deepEqual(readdirSync(store.path('blobs/sha256')), []);
    store.close();
  });
