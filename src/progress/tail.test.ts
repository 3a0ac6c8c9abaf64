import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fc } from '../util/property.ts';
import { OutputTail } from './tail.ts';

function tailOf(limit: number, ...chunks: (string | Uint8Array)[]): string[] {
  const tail = new OutputTail(limit);
  for (const chunk of chunks) tail.write(1, Buffer.from(chunk as string), 0);
  return tail.lines.map(line => line.text);
}

test('keeps the last lines and counts the rest', () => {
  const tail = new OutputTail(2);
  tail.write(1, Buffer.from('a\nb\n\nc\n'), 0);
  assert.deepEqual(
    tail.lines.map(line => line.text),
    ['', 'c'],
  );
  assert.equal(tail.dropped, 2);
});

test('a carriage return starts the line over, but a line that ends with one stays', () => {
  assert.deepEqual(tailOf(5, '10%\r20%\r30%\ndone\r\n'), ['30%', 'done']);
  assert.deepEqual(tailOf(5, '99%\r'), ['99%']);
});

test('escape sequences vanish, also when they come in two pieces', () => {
  assert.deepEqual(tailOf(5, '\u001b[1;31mred\u001b[0m\u001b', '[32mgreen\u001b[3', '9m\n'), ['redgreen']);
});

test('characters that come in two pieces are put together', () => {
  const bytes = Buffer.from('größe\n');
  assert.deepEqual(tailOf(5, bytes.subarray(0, 3), bytes.subarray(3)), ['größe']);
});

test('the lines do not depend on how the output was cut into pieces', () => {
  const pieces = fc.array(fc.constantFrom('a', 'b ', '\n', '\r\n', '\u001b[31m', 'ü', '日', '\t', 'word'));
  fc.assert(
    fc.property(pieces, fc.array(fc.nat(20)), (words, cuts) => {
      const bytes = Buffer.from(words.join(''));
      const chunks: Uint8Array[] = [];
      let from = 0;
      for (const cut of cuts) {
        chunks.push(bytes.subarray(from, from + cut));
        from += cut;
      }
      chunks.push(bytes.subarray(from));
      assert.deepEqual(tailOf(10, ...chunks), tailOf(10, bytes));
    }),
  );
});

test('a line of megabytes is cut', () => {
  assert.equal(tailOf(5, 'x'.repeat(1 << 20))[0]!.length, 4096);
});
