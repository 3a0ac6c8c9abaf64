import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { copyAction, Workshop } from './testing.ts';

process.umask(0o022);
const shop = new Workshop();
after(() => shop.close());

const add = (src: string, dest: string, rest = {}) => copyAction(src, dest, { attemptUnpack: true, ...rest });

/** A tar of these paths made by the machine's own tar, owned by 5:6. */
function tarOf(prepare: (dir: string) => void, ...flags: string[]): Buffer {
  const dir = mkdtempSync(join(shop.dir, 'tar-'));
  prepare(dir);
  return execFileSync('tar', ['-C', dir, '--owner=5', '--group=6', '--sort=name', ...flags, '-c', '.'], {
    maxBuffer: 1 << 26,
  });
}

const small = (dir: string) => {
  mkdirSync(join(dir, 'd'), { mode: 0o750 });
  writeFileSync(join(dir, 'd/f'), 'f', { mode: 0o640 });
  execFileSync('ln', [join(dir, 'd/f'), join(dir, 'd/hard')]);
  symlinkSync('/d/f', join(dir, 'd/soft'));
};
/** Without root's rights the owner of a symlink is not kept: see `ownership.ts` of the snapshot room. */
const keepsLinkOwners = process.getuid?.() === 0;
const smallLines = (at: string, owner = ' 5:6') => [
  `${at}/d 750${owner} dir`,
  `${at}/d/f 640${owner} "f"`,
  `${at}/d/hard 640${owner} "f"`,
  `${at}/d/soft${keepsLinkOwners ? owner : ''} -> /d/f`,
];

/** A context with one archive. */
function contextWith(name: string, bytes: Uint8Array): string {
  const root = shop.context({});
  writeFileSync(join(root, name), bytes);
  return root;
}

test('archives are unpacked whatever compresses them, with their owners', async t => {
  const tar = tarOf(small);
  for (const program of ['cat', 'gzip', 'bzip2', 'xz', 'zstd'])
    await t.test(program, async t => {
      let bytes: Buffer;
      try {
        bytes = execFileSync(program, program === 'cat' ? [] : ['-c'], { input: tar });
      } catch {
        return t.skip(`${program} is not installed`);
      }
      const root = contextWith('archive', bytes);
      assert.deepEqual(shop.show(await shop.run([], root, [add('/archive', '/')])), smallLines(''));
      assert.deepEqual(shop.show(await shop.run([], root, [add('/archive', '/to')])), [
        '/to 755 dir',
        ...smallLines('/to'),
      ]);
    });
});

test('an owner that is asked for is that of everything', async () => {
  const root = contextWith('archive.tar', tarOf(small));
  const owner = { user: { byId: 9 } };
  assert.deepEqual(shop.show(await shop.run([], root, [add('/archive.tar', '/to', { owner })])), [
    '/to 755 9:9 dir',
    ...smallLines('/to', ' 9:9'),
  ]);
});

test('what only looks like an archive, and an archive that is not to be unpacked, is copied', async () => {
  const tar = tarOf(small);
  const files: Record<string, Uint8Array> = {
    'text.tar': Buffer.from('no archive\n'.repeat(100)),
    'empty.tar': Buffer.alloc(0),
    'zeros.tar': Buffer.alloc(10240),
    'damaged.tar.gz': Buffer.from([0x1f, 0x8b, 8, 1, 2, 3]),
  };
  for (const [name, bytes] of Object.entries(files)) {
    const rootFs = await shop.run([], contextWith(name, bytes), [add(`/${name}`, '/to/')]);
    assert.deepEqual(readFileSync(`${shop.layers.dir(rootFs[0]!)}/to/${name}`), Buffer.from(bytes));
  }
  const rootFs = await shop.run([], contextWith('a.tar', tar), [copyAction('/a.tar', '/to/')]);
  assert.deepEqual(readFileSync(`${shop.layers.dir(rootFs[0]!)}/to/a.tar`), tar);
});

test('an archive cut off behind its start is an error that names it', async () => {
  const tar = tarOf(dir => writeFileSync(join(dir, 'big'), 'x'.repeat(100_000)));
  const root = contextWith('cut.tar', tar.subarray(0, 50_000));
  await assert.rejects(shop.run([], root, [add('/cut.tar', '/')]), {
    code: 'integrity',
    message: /cut\.tar/,
  });
});

test('nothing in an archive leads out of where it is unpacked', async () => {
  const secret = join(shop.dir, 'target');
  const base = await shop.run([], { 'to/keep': '', 'etc/passwd': 'p', out: '->/etc' }, [
    copyAction('/', '/'),
  ]);
  const archives = {
    climbing: tarOf(dir => writeFileSync(join(dir, 'x'), 'x'), '--transform=s,^./x,../../../../x,', '-P'),
    absolute: tarOf(dir => writeFileSync(join(dir, 'x'), 'x'), `--transform=s,^./x,${secret},`, '-P'),
    // A symlink to somewhere else, then a file through it.
    throughLink: Buffer.concat([
      tarOf(dir => symlinkSync('/etc', join(dir, 'l'))).subarray(0, 1024),
      tarOf(dir => {
        mkdirSync(join(dir, 'l'));
        writeFileSync(join(dir, 'l/passwd'), 'x');
      }).subarray(1024),
    ]),
  };
  for (const [name, bytes] of Object.entries(archives)) {
    const rootFs = await shop.run(base, contextWith('a.tar', bytes), [add('/a.tar', '/to')]);
    const changed = shop.show(rootFs).filter(line => !shop.show(base).includes(line));
    assert.ok(
      changed.length > 0 && changed.every(line => line.startsWith('/to')),
      `${name}: ${changed.join(', ')}`,
    );
    assert.equal(existsSync(secret), false);
  }
});

test('a file takes the place of a directory and the other way round, directories are merged', async () => {
  const base = await shop.run([], { 'd/old': 'old', 'd/f/in': '', x: 'file' }, [copyAction('/', '/')]);
  const tar = tarOf(dir => {
    mkdirSync(join(dir, 'd'));
    writeFileSync(join(dir, 'd/f'), 'file now');
    mkdirSync(join(dir, 'x'));
  });
  assert.deepEqual(shop.show(await shop.run(base, contextWith('a.tar', tar), [add('/a.tar', '/')])), [
    '/d 755 5:6 dir',
    '/d/f 644 5:6 "file now"',
    '/d/old 644 "old"',
    '/x 755 5:6 dir',
  ]);
});
