import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { after, before, describe, test } from 'node:test';
import { openDeb } from './deb.ts';
import { decompress } from './decompress.ts';
import { buildTime, makeAr, makeDeb, makeTar } from './testing.ts';

let directory: string;
before(() => {
  directory = mkdtempSync(join(tmpdir(), 'stagecraft-deb-'));
});
after(() => rmSync(directory, { recursive: true }));

function file(data: Buffer): string {
  const path = join(directory, 'package.deb');
  writeFileSync(path, data);
  return path;
}

const open = (data: Buffer) => openDeb(file(data), 'the package a');

async function textOf(chunks: AsyncIterable<Uint8Array>): Promise<string> {
  const parts: Uint8Array[] = [];
  for await (const chunk of chunks) parts.push(chunk);
  return Buffer.concat(parts).toString();
}

/** `hello xz` as xz(1) writes it. */
const xz = Buffer.from(
  '/Td6WFoAAATm1rRGAgAhARwAAAAQz1jMAQAIaGVsbG8geHoKAAAAAMFJOvpjUhRaAAEhCWwYxdUftvN9AQAAAAAEWVo=',
  'base64',
);

describe('a package file', () => {
  for (const compression of ['gz', 'zst', ''] as const)
    test(`is read with its members in ${compression || 'no compression'}`, async () => {
      const deb = await open(
        makeDeb({
          name: 'a',
          compression,
          scripts: { postinst: '#!/bin/sh\n' },
          files: [{ path: 'usr' }, { path: 'usr/odd', content: 'odd' }],
        }),
      );
      assert.equal(deb.built, buildTime);
      const control = await deb.readControl();
      assert.match(control.get('control')!.toString(), /^Package: a\nVersion: 1.0\n/);
      assert.equal(control.get('postinst')!.toString(), '#!/bin/sh\n');
      const data = deb.readData();
      const names: string[] = [];
      for (let header = await data.next(); header; header = await data.next()) names.push(header.name);
      assert.deepEqual(names, ['./usr', './usr/odd']);
    });

  test('that is something else, or cut off, is refused with its name', async () => {
    const whole = makeDeb({ name: 'a' });
    const cases: [Buffer, RegExp][] = [
      [Buffer.from('PK\x03\x04 a zip file'), /the package a is not .*: it is not an ar archive/],
      [whole.subarray(0, 100), /ends in the middle of a member/],
      [whole.subarray(0, whole.length - 20), /cut off/],
      [makeAr([['debian-binary', Buffer.from('2.0\n')]]), /has no control.tar/],
      [
        makeAr([
          ['debian-binary', Buffer.from('2.0\n')],
          ['control.tar', makeTar([])],
          ['data.tar.lzma', Buffer.alloc(1)],
        ]),
        /data.tar.lzma is in an unknown compression/,
      ],
    ];
    for (const [data, message] of cases) await assert.rejects(open(data), { code: 'integrity', message });
  });

  test('without a control file is refused', async () => {
    const deb = await open(
      makeAr([
        ['debian-binary', Buffer.from('2.0\n')],
        ['control.tar', makeTar([])],
        ['data.tar', makeTar([])],
      ]),
    );
    await assert.rejects(deb.readControl(), { code: 'integrity', message: /has no control file/ });
  });
});

describe('xz data', () => {
  test('is read without the program xz, also one after another', async () => {
    for (let i = 0; i < 3; i++)
      assert.equal(await textOf(decompress(Readable.from([xz]), '.xz')), 'hello xz\n');
  });

  test('in single bytes', async () => {
    const bytes = [...xz].map(byte => Buffer.from([byte]));
    assert.equal(await textOf(decompress(Readable.from(bytes), '.xz')), 'hello xz\n');
  });

  test('that is damaged or cut off is an error, and the next stream is read all the same', async () => {
    const damaged = Buffer.from(xz);
    damaged[30]! ^= 0xff;
    for (const data of [damaged, xz.subarray(0, 40), Buffer.alloc(0), Buffer.from('no xz at all')])
      await assert.rejects(textOf(decompress(Readable.from([data]), '.xz')), { code: 'integrity' });
    assert.equal(await textOf(decompress(Readable.from([xz]), '.xz')), 'hello xz\n');
  });

  test('that nobody reads to its end does not hold up the next', async () => {
    for await (const _ of decompress(Readable.from([xz]), '.xz')) break;
    assert.equal(await textOf(decompress(Readable.from([xz]), '.xz')), 'hello xz\n');
  });
});
