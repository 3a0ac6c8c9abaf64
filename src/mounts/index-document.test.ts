import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { zstdCompressSync } from 'node:zlib';
import { Allowance } from '../snapshot/allowance.ts';
import { StagecraftError } from '../util/errors.ts';
import { fc } from '../util/property.ts';
import { readIndex, writeIndex } from './index-document.ts';
import type { MountIndex } from './types.ts';

const allow = () => new Allowance(1 << 20, 'the mount');
const sha = (digit: string) => digit.repeat(64);
const header = { cacheMount: 'npm', version: 1 };
const pack = {
  pack: `sha256:${sha('a')}`,
  size: 10,
  pieces: [
    [sha('b'), 4],
    [sha('c'), 3],
  ],
};
const own = { mode: 0o755, uid: 0, gid: 0, mtime: '1000' };
const root = { path: '', type: 'directory', ...own };
const file = { path: 'file', type: 'file', ...own, pieces: [0, 1, 0] };

/** Reads an index of these lines. */
function read(...lines: unknown[]): Promise<MountIndex> {
  const text = lines.map(line => `${typeof line === 'string' ? line : JSON.stringify(line)}\n`).join('');
  return readIndex(zstdCompressSync(text), 'npm', allow);
}

suite('the index of a cache mount', () => {
  test('is read as it was written', async () => {
    const metadata = { mode: 0o644, uid: 1, gid: 2, mtimeNs: -1_500_000_001n };
    const [b, c] = [
      { sha256: sha('b'), length: 4 },
      { sha256: sha('c'), length: 3 },
    ];
    const index: MountIndex = {
      name: 'npm',
      packs: [{ digest: `sha256:${sha('a')}`, size: 10, pieces: [b, c] }],
      entries: [
        { path: '', type: 'directory', metadata },
        { path: 'd\xff\n"', type: 'directory', metadata },
        {
          path: 'd\xff\n"/f',
          type: 'file',
          metadata: { ...metadata, xattrs: new Map([['user.x', Buffer.from('1')]]) },
          pieces: [c, b],
        },
        { path: 'g', type: 'link', target: 'd\xff\n"/f' },
        { path: 'l', type: 'symlink', metadata, target: '../../etc/passwd' },
      ],
    };
    assert.deepEqual(await readIndex(await writeIndex(index), 'npm', allow), index);
  });

  test('of another mount or version is refused', async () => {
    await assert.rejects(read({ ...header, cacheMount: 'apt' }, root), /not of "npm"/);
    await assert.rejects(read({ ...header, version: 2 }, root), /the version 2/);
    await assert.rejects(read(root), /version/);
    await assert.rejects(read(header), /no entry/);
  });

  const bad: [string, RegExp, ...unknown[]][] = [
    ['a path that goes up', /leads elsewhere/, { ...file, path: '../file' }],
    ['an absolute path', /leads elsewhere/, { ...file, path: '/file' }],
    ['a path with a point', /leads elsewhere/, { ...file, path: 'a/./b' }],
    ['a path that ends with a slash', /leads elsewhere/, { ...file, path: 'a/' }],
    ['a NUL in a path', /without a path/, { ...file, path: 'a\0b' }],
    ['a character that is no byte', /without a path/, { ...file, path: '\u0100' }],
    ['a name that is too long', /too long/, { ...file, path: 'x'.repeat(256) }],
    ['a path through a file', /whose directory is none/, file, { ...file, path: 'file/x' }],
    [
      'a path through a symlink',
      /whose directory is none/,
      { path: 'out', type: 'symlink', ...own, target: '/etc' },
      { ...file, path: 'out/passwd' },
    ],
    ['a path whose directory comes later', /whose directory is none/, { ...file, path: 'a/b' }],
    ['an entry twice', /twice/, file, { path: 'file', type: 'symlink', ...own, target: '/' }],
    ['a device', /type "char"/, { path: 'null', type: 'char', ...own }],
    ['a root that is a link', /not that of a directory/, { path: '', type: 'symlink', ...own, target: '/' }],
    ['a hard link to nothing', /hard link/, { path: 'l', type: 'link', target: '../../etc/shadow' }],
    [
      'a hard link to a directory',
      /hard link/,
      { ...root, path: 'd' },
      { path: 'l', type: 'link', target: 'd' },
    ],
    ['a hard link to the mount itself', /without a target/, { path: 'l', type: 'link', target: '' }],
    ['a piece that is not there', /needs a number/, { ...file, pieces: [2] }],
    ['a piece before the first', /needs a number/, { ...file, pieces: [-1] }],
    ['a mode that is none', /needs a number/, { ...file, mode: 0o100644 }],
    ['an owner that is none', /needs a number/, { ...file, uid: 2 ** 32 }],
    ['a time that is none', /without a time/, { ...file, mtime: 1000 }],
    ['attributes of overlayfs', /none may have/, { ...file, xattrs: { 'trusted.overlay.opaque': 'eQ==' } }],
    ['a pack behind an entry', /behind an entry/, { ...pack, pack: `sha256:${sha('d')}` }],
    [
      'more bytes than are allowed',
      /limit of/,
      { ...file, pieces: Array(200_000).fill(0) },
      { ...file, path: 'g', pieces: Array(200_000).fill(0) },
    ],
    ['a line without an end', /no |not JSON/, '{"path":"x"'],
    ['JSON that is deep', /./, `${'['.repeat(100_000)}${']'.repeat(100_000)}`],
  ];
  for (const [what, message, ...lines] of bad)
    test(`with ${what} is refused`, async () => {
      const first = what.startsWith('a root') ? [] : [root];
      await assert.rejects(read(header, pack, ...first, ...lines), error => {
        assert.ok(error instanceof StagecraftError, String(error));
        assert.match(error.message, message);
        return true;
      });
    });

  const packs: [string, RegExp, object][] = [
    ['no digest', /without a SHA-256 digest/, { ...pack, pack: 'sha256:../../x' }],
    ['a piece of no bytes', /needs a number/, { ...pack, pieces: [[sha('b'), 0]] }],
    ['a piece that is too large', /needs a number/, { ...pack, pieces: [[sha('b'), 5 << 20]] }],
    [
      'more than a pack may have',
      /bytes in the pack/,
      { ...pack, pieces: Array(3).fill([sha('b'), 4 << 20]) },
    ],
    ['too many pieces', /too long/, { ...pack, pieces: Array(5000).fill([sha('b'), 1]) }],
    ['no pieces', /0 bytes/, { ...pack, pieces: [] }],
    ['a size that is too large', /needs a number/, { ...pack, size: 1 << 30 }],
  ];
  for (const [what, message, line] of packs)
    test(`with a pack of ${what} is refused`, async () => {
      await assert.rejects(read(header, line, root), message);
    });

  test('that names a pack twice is refused', () => assert.rejects(read(header, pack, pack, root), /twice/));

  test('that decompresses to more than is read is refused', async () => {
    const bomb = zstdCompressSync(Buffer.alloc(260 << 20, 'a'));
    assert.ok(bomb.length < 100_000);
    await assert.rejects(readIndex(bomb, 'npm', allow), /cannot be decompressed/);
    await assert.rejects(readIndex(bomb.subarray(0, 1000), 'npm', allow), StagecraftError);
  });

  test('that is anything else ends in an error of ours, or is one', async () => {
    const value = fc.oneof(fc.jsonValue(), fc.constantFrom('', 'file', sha('b'), 0, -1, 2 ** 53));
    const line = fc.dictionary(
      fc.constantFrom(
        'path',
        'type',
        'mode',
        'uid',
        'gid',
        'mtime',
        'pieces',
        'target',
        'xattrs',
        'pack',
        'size',
      ),
      value,
    );
    await fc.assert(
      fc.asyncProperty(fc.array(fc.oneof(line, fc.constant(file)), { maxLength: 4 }), async lines => {
        try {
          await read(header, pack, root, ...lines.map((each, i) => ({ ...root, path: `p${i}`, ...each })));
        } catch (error) {
          assert.ok(error instanceof StagecraftError, String(error));
        }
      }),
    );
  });
});
