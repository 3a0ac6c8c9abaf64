import assert from 'node:assert/strict';
import { appendFileSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { type TestContext, test } from 'node:test';
import { setImmediate as later } from 'node:timers/promises';
import { Arrival } from './arrival.ts';

function place(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'stagecraft-arrival-'));
  t.after(() => rmSync(directory, { recursive: true }));
  return join(directory, 'blob');
}

test('a blob is read while it comes, by several readers, and when it is there', async t => {
  const path = place(t);
  const arrival = new Arrival();
  const early = text(arrival.stream());
  writeFileSync(path, 'ab');
  arrival.grow(path, 2);
  await later();
  const late = text(arrival.stream());
  appendFileSync(path, 'cd');
  arrival.grow(path, 4);
  await later();
  renameSync(path, `${path}-final`);
  arrival.finish(`${path}-final`, 4);
  await arrival.done;
  assert.deepEqual([await early, await late, await text(arrival.stream())], ['abcd', 'abcd', 'abcd']);
});

test('a download that begins anew in another file goes on where the reader is', async t => {
  const path = place(t);
  const arrival = new Arrival();
  const read = text(arrival.stream());
  writeFileSync(path, 'ab');
  arrival.grow(path, 2);
  await later();
  writeFileSync(`${path}-2`, 'abcd');
  arrival.grow(`${path}-2`, 1);
  await later();
  arrival.grow(`${path}-2`, 4);
  await later();
  arrival.finish(`${path}-2`, 4);
  assert.equal(await read, 'abcd');
});

test('what stops the download stops its readers', async () => {
  const arrival = new Arrival();
  const read = text(arrival.stream());
  arrival.fail(new Error('lost'));
  await assert.rejects(read, /lost/);
  await assert.rejects(arrival.done, /lost/);
});
