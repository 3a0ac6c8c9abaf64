import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { fc } from '../util/property.ts';
import { compress } from './compress.ts';
import { type CompressionType, compressionName, parseCompression } from './compression.ts';
import { decompress } from './decompress.ts';

const types: CompressionType[] = ['gzip', 'zstd', 'uncompressed'];

async function gather(source: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of source) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** Bytes that are neither all alike nor without pattern. */
function sample(length: number): Buffer {
  const data = Buffer.alloc(length);
  let state = 1;
  for (let i = 0; i < length; i++) {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    data[i] = i % 3 === 0 ? state >>> 24 : i & 0x3f;
  }
  return data;
}

function* pieces(data: Buffer, size: number): Generator<Buffer> {
  for (let at = 0; at < data.length; at += size) yield data.subarray(at, at + size);
}

test('what was compressed in any pieces comes back, and the pieces do not change the output', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...types),
      fc.integer({ min: 0, max: 5 << 20 }),
      fc.integer({ min: 1000, max: 3 << 20 }),
      async (type, length, size) => {
        const data = sample(length);
        const packed = await gather(compress(pieces(data, size), { type }));
        assert.ok(packed.equals(await gather(compress([data], { type }))));
        assert.ok(data.equals(await gather(decompress(pieces(packed, size)))));
        assert.ok(data.equals(await gather(decompress([packed]))));
      },
    ),
    { numRuns: 12 },
  );
});

for (const type of ['gzip', 'zstd'] as const)
  test(`the program ${type} reads what is compressed here, and the other way round`, async context => {
    if (spawnSync(type, ['--version']).error) return context.skip(`${type} is not installed`);
    for (const length of [0, 1, 1 << 20, (5 << 20) + 17]) {
      const data = sample(length);
      const packed = await gather(compress([data], { type, level: 4 }));
      assert.equal(spawnSync(type, ['-t'], { input: packed }).status, 0);
      const options = { input: packed, maxBuffer: 1 << 25 };
      assert.ok(data.equals(spawnSync(type, ['-dc'], options).stdout));
      const foreign = spawnSync(type, ['-c'], { input: data, maxBuffer: 1 << 25 }).stdout;
      assert.ok(
        data.equals(await gather(decompress([foreign, foreign])).then(twice => twice.subarray(0, length))),
      );
    }
  });

for (const program of ['xz', 'bzip2'] as const)
  test(`${program} data is read, and damage in it is an error`, async context => {
    const data = sample(300_000);
    const packed = spawnSync(program, ['-c'], { input: data, maxBuffer: 1 << 25 });
    if (packed.error) return context.skip(`${program} is not installed`);
    assert.ok(data.equals(await gather(decompress(pieces(packed.stdout, 1000)))));
    const cut = packed.stdout.subarray(0, packed.stdout.length - 20);
    await assert.rejects(gather(decompress([cut])), { code: 'integrity' });
  });

test('gzip output carries no time and no name', async () => {
  const packed = await gather(compress([Buffer.from('x')], { type: 'gzip' }));
  assert.equal(packed.readUInt32LE(4), 0);
  assert.equal(packed[3], 0);
});

test('damaged or cut-off data is an error, never silently shorter', async () => {
  for (const type of ['gzip', 'zstd'] as const) {
    const packed = await gather(compress([sample(3 << 20)], { type }));
    await assert.rejects(gather(decompress([packed.subarray(0, packed.length - 5)])), { code: 'integrity' });
    const flipped = Buffer.from(packed);
    flipped[packed.length >> 1]! ^= 0xff;
    await assert.rejects(
      gather(decompress([flipped])).then(data => {
        // zstd frames carry no checksum by default: then the content must at least differ, for the digest to tell.
        if (type === 'zstd' && !data.equals(sample(3 << 20)))
          throw Object.assign(new Error(), { code: 'integrity' });
      }),
      { code: 'integrity' },
    );
  }
});

test('an error of the source is the error of the stream', async () => {
  async function* broken(): AsyncGenerator<Uint8Array> {
    yield Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0]);
    throw new Error('the disk is gone');
  }
  await assert.rejects(gather(decompress(broken())), /the disk is gone/);
  await assert.rejects(gather(compress(broken(), { type: 'gzip' })), /the disk is gone/);
});

test('stopping to read closes the source', async () => {
  let isClosed = false;
  async function* endless(): AsyncGenerator<Uint8Array> {
    try {
      for (;;) yield sample(1 << 18);
    } finally {
      isClosed = true;
    }
  }
  for await (const _ of decompress(compress(endless(), { type: 'gzip' }))) break;
  assert.ok(isClosed);
});

test('compressions are named by type and level, and nonsense is refused', () => {
  assert.equal(compressionName(parseCompression('gzip')), 'gzip');
  assert.equal(compressionName(parseCompression('gzip', '4')), 'gzip');
  assert.equal(compressionName(parseCompression('zstd', '19')), 'zstd-19');
  assert.throws(() => parseCompression('gzip', '10'), { code: 'usage', message: /between 0 and 9/ });
  assert.throws(() => parseCompression('lz4'), { code: 'usage' });
  assert.throws(() => parseCompression('estargz'), { code: 'unsupported' });
});

test('what is compressed already is stored as it is, and reads back', async () => {
  const dense = randomBytes(3 << 20);
  const packed = await gather(compress([dense], { type: 'gzip' }));
  assert.ok(packed.length < dense.length + 4096);
  assert.deepEqual(gunzipSync(packed), dense);
});
