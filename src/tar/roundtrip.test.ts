import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fc } from '../util/property.ts';
import type { TarHeader } from './header.ts';
import { TarReader } from './reader.ts';
import { type TarItem, writeTar } from './writer.ts';

interface Read {
  header: TarHeader;
  content: Buffer;
}

async function collect(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const all: Uint8Array[] = [];
  for await (const chunk of chunks) all.push(chunk);
  return Buffer.concat(all);
}

async function readAll(archive: Buffer, pieceSize = archive.length): Promise<Read[]> {
  const pieces = function* () {
    for (let at = 0; at < archive.length; at += pieceSize) yield archive.subarray(at, at + pieceSize);
  };
  const reader = new TarReader(pieces());
  const entries: Read[] = [];
  for (let header = await reader.next(); header; header = await reader.next()) {
    const content = Buffer.alloc(header.size);
    for (let part = await reader.read(); part; part = await reader.read())
      content.set(part.bytes, part.position);
    entries.push({ header, content });
  }
  return entries;
}

const byteName = fc
  .array(
    fc.oneof(
      {
        weight: 5,
        arbitrary: fc.constantFrom('a', 'b', 'dir', '.hidden', 'ü', 'x'.repeat(60), ' ', '\n', '='),
      },
      fc.string({
        unit: fc.integer({ min: 1, max: 255 }).map(code => String.fromCharCode(code)),
        minLength: 1,
      }),
    ),
    { minLength: 1, maxLength: 8 },
  )
  .map(parts =>
    parts.map(part => Buffer.from(part, 'latin1').toString('latin1').replaceAll('/', '_')).join('/'),
  );

const xattrs = fc
  .dictionary(
    fc.constantFrom('security.capability', 'user.a', 'user.ü'.normalize(), 'user.long.name'),
    fc.uint8Array({ minLength: 1, maxLength: 700 }),
  )
  .map(entries => new Map(Object.entries(entries)));

const item: fc.Arbitrary<{ item: TarItem; content: Uint8Array }> = fc
  .record({
    name: byteName,
    type: fc.constantFrom<TarHeader['type']>(
      'file',
      'file',
      'file',
      'hardlink',
      'symlink',
      'char',
      'block',
      'directory',
      'fifo',
    ),
    mode: fc.integer({ min: 0, max: 0o7777 }),
    uid: fc.oneof(fc.nat(70_000), fc.integer({ min: 0, max: 0xfffffffe })),
    gid: fc.oneof(fc.nat(70_000), fc.integer({ min: 0, max: 0xfffffffe })),
    mtimeNs: fc.bigInt({ min: -5_000_000_000n, max: 90_000_000_000n }).map(value => value * 1_000_000_001n),
    linkname: byteName,
    major: fc.nat(4095),
    minor: fc.nat(1_048_575),
    xattrs,
    content: fc.uint8Array({ maxLength: 2000 }),
  })
  .map(({ content, ...header }) => ({
    content: header.type === 'file' ? content : new Uint8Array(),
    item: { header: { ...header, size: content.length }, content },
  }));

test('what is written is read back the same, whatever the names, ids, times and attributes', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(item, { maxLength: 12 }),
      fc.constantFrom(1, 7, 512, 1000, 65536),
      async (items, pieceSize) => {
        const archive = await collect(writeTar(items.map(each => each.item)));
        const entries = await readAll(archive, pieceSize);
        assert.equal(entries.length, items.length);
        for (const [index, entry] of entries.entries()) {
          const { item, content } = items[index]!;
          const isLink = entry.header.type === 'symlink' || entry.header.type === 'hardlink';
          const isDevice = entry.header.type === 'char' || entry.header.type === 'block';
          const second = 1_000_000_000n;
          const wanted = item.header.mtimeNs!;
          assert.deepEqual(entry.header, {
            ...item.header,
            size: content.length,
            mtimeNs: wanted - (((wanted % second) + second) % second),
            linkname: isLink ? item.header.linkname : '',
            major: isDevice ? item.header.major : 0,
            minor: isDevice ? item.header.minor : 0,
          });
          assert.deepEqual(entry.content, Buffer.from(content));
        }
      },
    ),
    { numRuns: 150 },
  );
});

test('equal items give equal bytes', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(item, { maxLength: 5 }), async items => {
      const once = await collect(writeTar(items.map(each => each.item)));
      const again = await collect(writeTar(items.map(each => each.item)));
      assert.ok(once.equals(again));
      assert.equal(once.length % 512, 0);
    }),
    { numRuns: 20 },
  );
});

test('content longer than a chunk comes through whole, from a buffer or in pieces', async () => {
  const content = Buffer.alloc(3_000_001, 'long content ');
  const pieces = async function* () {
    for (let at = 0; at < content.length; at += 777_777) yield content.subarray(at, at + 777_777);
  };
  const header = { name: 'big', type: 'file', mode: 0o600, size: content.length } as const;
  const fromBuffer = await collect(writeTar([{ header, content }]));
  const fromPieces = await collect(writeTar([{ header, content: pieces() }]));
  assert.ok(fromBuffer.equals(fromPieces));
  const [entry] = await readAll(fromBuffer, 65_536);
  assert.ok(entry!.content.equals(content));
});

test('sizes beyond 8 GiB are told in an extended header', async () => {
  const size = 9 * 2 ** 30;
  const header = { name: 'huge', type: 'file', mode: 0o644, size } as const;
  // Only the beginning is looked at: the content never comes.
  const chunks = writeTar([
    {
      header,
      content: (async function* () {
        for (;;) yield Buffer.alloc(1 << 20);
      })(),
    },
  ]);
  const { value } = await chunks.next();
  await chunks.return();
  const reader = new TarReader([value!]);
  assert.equal((await reader.next())!.size, size);
});

test('a file that is shorter or longer than its header says is refused, not silently padded or cut', async () => {
  const header = { name: 'f', type: 'file', mode: 0o644, size: 3 } as const;
  for (const text of ['ab', 'abcd'])
    await assert.rejects(collect(writeTar([{ header, content: Buffer.from(text) }])), {
      code: 'io',
      message: /changed its size/,
    });
});
