import assert from 'node:assert/strict';
import { test } from 'node:test';
import { StagecraftError } from '../util/errors.ts';
import { fc } from '../util/property.ts';
import { encodeRecord } from './pax.ts';
import { TarReader } from './reader.ts';

interface Block {
  name?: string;
  type?: string;
  size?: number | Buffer;
  linkname?: string;
  /** Overwrites bytes before the checksum is made. */
  patch?: [at: number, bytes: string | Buffer][];
}

/** A header made by hand, so that it can be wrong in every way. */
function block(fields: Block): Buffer {
  const bytes = Buffer.alloc(512);
  bytes.write(fields.name ?? 'file', 0, 'latin1');
  bytes.write('0000644\x000000000\x000000000\x00', 100);
  if (Buffer.isBuffer(fields.size)) fields.size.copy(bytes, 124);
  else bytes.write((fields.size ?? 0).toString(8).padStart(11, '0'), 124);
  bytes.write('00000000000\x00', 136);
  bytes.write(fields.type ?? '0', 156, 'latin1');
  bytes.write(fields.linkname ?? '', 157, 'latin1');
  bytes.write('ustar\x0000', 257);
  for (const [at, patch] of fields.patch ?? [])
    (typeof patch === 'string' ? Buffer.from(patch, 'latin1') : patch).copy(bytes, at);
  bytes.fill(' ', 148, 156);
  const sum = bytes.reduce((total, byte) => total + byte, 0);
  bytes.write(`${sum.toString(8).padStart(6, '0')}\x00 `, 148);
  return bytes;
}

function padded(content: string | Buffer): Buffer {
  const bytes = Buffer.from(content as string, 'latin1');
  return Buffer.concat([bytes, Buffer.alloc((512 - (bytes.length % 512)) % 512)]);
}

const end = Buffer.alloc(1024);

function extended(records: string, type = 'x'): Buffer {
  return Buffer.concat([block({ name: 'pax', type, size: records.length }), padded(records)]);
}

async function list(...parts: Buffer[]) {
  const reader = new TarReader([Buffer.concat(parts)], { what: 'the layer under test' });
  const entries = [];
  for (let header = await reader.next(); header; header = await reader.next()) {
    while (await reader.read());
    entries.push(header);
  }
  return entries;
}

const refused: [why: string, message: RegExp, archive: Buffer[]][] = [
  ['a wrong checksum', /checksum/, [Buffer.from(block({}).fill('y', 0, 1)), end]],
  ['no archive at all', /damaged/, [Buffer.alloc(512, 'no archive')]],
  ['half a header', /middle of a header/, [block({}).subarray(0, 300)]],
  ['content cut short', /middle of a file/, [block({ size: 1000 }), Buffer.alloc(700)]],
  ['a negative size', /negative size/, [block({ size: Buffer.alloc(12, 0xff) }), end]],
  [
    'a size beyond all numbers',
    /out of range/,
    [block({ size: Buffer.from(`\x80${'\xff'.repeat(11)}`, 'latin1') }), end],
  ],
  ['a size that is no number', /malformed size/, [block({ size: Buffer.from('12x45678901 ') }), end]],
  [
    'an owner that would mean "leave it"',
    /owner out of range/,
    [extended(encodeRecord('uid', '4294967295')), block({}), end],
  ],
  ['an unknown type', /unknown type/, [block({ type: 'Z' }), end]],
  [
    'an extended header too large',
    /larger than/,
    [block({ type: 'x', size: 2 ** 21 }), Buffer.alloc(2 ** 21), end],
  ],
  ['a long name too large', /larger than/, [block({ type: 'L', size: 2 ** 33 }), end]],
  [
    'endless extended headers',
    /more than 16/,
    [...Array.from({ length: 30 }, () => extended(encodeRecord('path', 'x'))), block({}), end],
  ],
  ['an extended header without entry', /no entry after it/, [extended(encodeRecord('path', 'x')), end]],
  ['a record longer than its header', /malformed record/, [extended('99 path=x\n'), block({}), end]],
  ['a record of length zero', /malformed record/, [extended('0 path=x\n'), block({}), end]],
  ['a record without line feed', /malformed record/, [extended('9 path=xy'), block({}), end]],
  ['a record without key', /without key/, [extended('5 =x\n'), block({}), end]],
  ['a path with a NUL byte', /NUL/, [extended(encodeRecord('path', 'a\0b')), block({}), end]],
  ['an mtime that is no number', /malformed mtime/, [extended(encodeRecord('mtime', '1e9')), block({}), end]],
  ['a size with a sign', /malformed size/, [extended(encodeRecord('size', '-1')), block({}), end]],
  ['a lone block of zeros', /zeros/, [Buffer.alloc(512), block({}), end]],
  [
    'sparse parts that overlap',
    /overlap/,
    [
      extended(encodeRecord('GNU.sparse.size', '100') + encodeRecord('GNU.sparse.map', '0,10,5,10')),
      block({ size: 20 }),
      padded('x'.repeat(20)),
      end,
    ],
  ],
  [
    'sparse parts outside the file',
    /outside/,
    [
      extended(encodeRecord('GNU.sparse.size', '10') + encodeRecord('GNU.sparse.map', '8,20')),
      block({ size: 20 }),
      padded('x'.repeat(20)),
      end,
    ],
  ],
  [
    'a sparse map of another size than the content',
    /does not fit/,
    [
      extended(encodeRecord('GNU.sparse.size', '100') + encodeRecord('GNU.sparse.map', '0,10')),
      block({ size: 20 }),
      padded('x'.repeat(20)),
      end,
    ],
  ],
  [
    'a sparse map that never ends',
    /too many parts|longer than its content|malformed/,
    [
      extended(
        encodeRecord('GNU.sparse.major', '1') +
          encodeRecord('GNU.sparse.minor', '0') +
          encodeRecord('GNU.sparse.realsize', '10'),
      ),
      block({ size: 512 }),
      padded('99999\n0\n1\n'),
      end,
    ],
  ],
];

for (const [why, message, archive] of refused)
  test(`an archive is refused for ${why}`, async () => {
    await assert.rejects(list(...archive), error => {
      assert.ok(error instanceof StagecraftError);
      assert.equal(error.code, 'integrity');
      assert.match(error.message, message);
      assert.match(error.message, /^The layer under test is damaged/);
      return true;
    });
  });

test('random damage never does worse than a refusal', async () => {
  const archive = Buffer.concat([
    extended(encodeRecord('path', 'some/path') + encodeRecord('SCHILY.xattr.user.a', 'b')),
    block({ size: 600 }),
    padded('y'.repeat(600)),
    block({ name: 'link', type: '2', linkname: 'target' }),
    end,
  ]);
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(fc.nat(archive.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 }),
      fc.nat(archive.length),
      async (changes, cut) => {
        const damaged = Buffer.from(archive);
        for (const [at, byte] of changes) damaged[at] = byte;
        await list(damaged.subarray(0, cut)).catch(error => {
          if (!(error instanceof StagecraftError) || error.code !== 'integrity') throw error;
        });
      },
    ),
    { numRuns: 2000 },
  );
});

test('a record without a space after others is refused, not read for ever', async () => {
  await assert.rejects(list(extended(`${encodeRecord('path', 'x')}rest`), block({}), end), {
    code: 'integrity',
  });
});

test('an archive may end without its mark, and with one block of zeros', async () => {
  assert.equal((await list(block({}))).length, 1);
  assert.equal((await list(block({}), Buffer.alloc(512))).length, 1);
  assert.equal((await list()).length, 0);
});

test('a global extended header changes nothing', async () => {
  const [entry] = await list(extended(encodeRecord('path', 'evil'), 'g'), block({ name: 'good' }), end);
  assert.equal(entry!.name, 'good');
});

test('the last of repeated records counts and an empty one takes it back', async () => {
  const [first, second] = await list(
    extended(encodeRecord('path', 'a') + encodeRecord('path', 'b')),
    block({ name: 'plain' }),
    extended(encodeRecord('path', 'a') + encodeRecord('path', '')),
    block({ name: 'plain' }),
    end,
  );
  assert.equal(first!.name, 'b');
  assert.equal(second!.name, 'plain');
});

test('what a header says of a size holds only for files, so that no content hides behind a directory', async () => {
  const entries = await list(block({ name: 'd', type: '5', size: 512 }), block({ name: 'inside' }), end);
  assert.deepEqual(
    entries.map(entry => entry.name),
    ['d', 'inside'],
  );
});

test('base-256 numbers are read: large ids and times before 1970', async () => {
  const [entry] = await list(
    block({
      patch: [
        [108, Buffer.from([0x80, 0, 0, 0, 0x80, 0, 0, 1])],
        [136, Buffer.alloc(12, 0xff)],
      ],
    }),
    end,
  );
  assert.equal(entry!.uid, 0x80000001);
  assert.equal(entry!.mtimeNs, -1_000_000_000n);
});

test('fractions of mtime are read to the nanosecond', async () => {
  const times = [];
  for (const text of ['1.5', '-1.5', '12', '3.1234567891', '4.'])
    times.push((await list(extended(encodeRecord('mtime', text)), block({}), end))[0]!.mtimeNs);
  assert.deepEqual(times, [1_500_000_000n, -1_500_000_000n, 12_000_000_000n, 3_123_456_789n, 4_000_000_000n]);
});

test('reading stops when the signal fires', async () => {
  const controller = new AbortController();
  const endless = (function* () {
    for (;;) yield block({});
  })();
  const reader = new TarReader(endless, { signal: controller.signal });
  setTimeout(() => controller.abort(new Error('stopped')), 30);
  await assert.rejects(async () => {
    while (await reader.next());
  }, /stopped/);
});
