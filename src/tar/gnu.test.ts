import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import {
  closeSync,
  createReadStream,
  ftruncateSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { TarHeader } from './header.ts';
import { TarReader } from './reader.ts';
import { writeTar } from './writer.ts';

const isGnu = spawnSync('tar', ['--version'], { encoding: 'utf8' }).stdout?.includes('GNU tar') ?? false;
const skip = isGnu ? false : 'GNU tar is not installed';
const dir = mkdtempSync(join(tmpdir(), 'stagecraft-tar-'));
after(() => rmSync(dir, { recursive: true }));

const long = `${'directory-with-a-long-name/'.repeat(6)}${'n'.repeat(150)}`;
const source = join(dir, 'source');
mkdirSync(join(source, long, '..'), { recursive: true });
writeFileSync(join(source, long), 'deep');
writeFileSync(join(source, 'plain'), 'x'.repeat(100_000));
writeFileSync(Buffer.concat([Buffer.from(`${source}/`), Buffer.from('raw-\xff\xfe', 'latin1')]), 'raw');
writeFileSync(join(source, 'grüße'), 'text');
symlinkSync(`${'t'.repeat(120)}/ü`, join(source, 'link'));
utimesSync(join(source, 'plain'), 1_600_000_000, 1_600_000_000);
const sparse = openSync(join(source, 'sparse'), 'w');
for (let index = 0; index < 40; index++) writeSync(sparse, `part ${index}`, index * 65_536);
ftruncateSync(sparse, 5_000_000);
closeSync(sparse);

async function read(path: string): Promise<Map<string, TarHeader & { content: Buffer; stored: number }>> {
  const reader = new TarReader(createReadStream(path, { highWaterMark: 50_000 }));
  const entries = new Map();
  for (let header = await reader.next(); header; header = await reader.next()) {
    const content = Buffer.alloc(header.size);
    let stored = 0;
    for (let part = await reader.read(); part; part = await reader.read()) {
      content.set(part.bytes, part.position);
      stored += part.bytes.length;
    }
    entries.set(header.name.replace(/^\.\//, ''), { ...header, content, stored });
  }
  return entries;
}

for (const options of [
  ['--format=gnu'],
  ['--format=pax'],
  ['--format=gnu', '--sparse'],
  ['--format=oldgnu', '--sparse'],
  ['--format=pax', '--sparse', '--sparse-version=0.0'],
  ['--format=pax', '--sparse', '--sparse-version=0.1'],
  ['--format=pax', '--sparse', '--sparse-version=1.0'],
])
  test(`an archive of GNU tar ${options.join(' ')} is read whole`, { skip }, async () => {
    const path = join(dir, 'gnu.tar');
    execFileSync('tar', ['-C', source, '-cf', path, ...options, '.']);
    const entries = await read(path);
    assert.equal(entries.get(long)!.content.toString(), 'deep');
    assert.equal(entries.get('raw-\xff\xfe')!.content.toString(), 'raw');
    assert.equal(entries.get(Buffer.from('grüße').toString('latin1'))!.content.toString(), 'text');
    assert.equal(
      entries.get('link')!.linkname,
      Buffer.from(readlinkSync(join(source, 'link'))).toString('latin1'),
    );
    assert.equal(entries.get('plain')!.mtimeNs, 1_600_000_000_000_000_000n);
    const holes = entries.get('sparse')!;
    assert.ok(holes.content.equals(readFileSync(join(source, 'sparse'))));
    if (options.includes('--sparse')) assert.ok(holes.stored < 1_000_000);
  });

for (const format of ['v7', 'ustar'])
  test(`an archive of GNU tar --format=${format} is read`, { skip }, async () => {
    const path = join(dir, `${format}.tar`);
    mkdirSync(join(source, 'short'), { recursive: true });
    execFileSync('tar', ['-C', source, '-cf', path, `--format=${format}`, 'plain', 'short']);
    const entries = await read(path);
    assert.equal(entries.get('plain')!.content.length, 100_000);
    assert.equal(entries.get('short')!.type, 'directory');
  });

test('GNU tar unpacks what we write: names, links, modes, times, attributes', { skip }, async () => {
  const path = join(dir, 'ours.tar');
  const names = [
    'plain',
    long,
    Buffer.from('grüße/ü').toString('latin1'),
    'raw-\xff\xfe\x80',
    `a${'/b'.repeat(70)}`,
  ];
  const items = names.map(name => ({
    header: {
      ...{ name, type: 'file' as const, mode: 0o640, size: name.length, mtimeNs: 1_234_567_890_999_999_999n },
      xattrs: new Map([['user.origin', Buffer.from([1, 0, 61, 10])]]),
    },
    content: Buffer.from(name, 'latin1'),
  }));
  const fd = openSync(path, 'w');
  const link = { name: 'links/raw', type: 'symlink' as const, mode: 0o777, linkname: 'raw-\xff\xfe\x80' };
  const hard = { name: 'hard', type: 'hardlink' as const, mode: 0o640, linkname: long };
  const directory = { name: 'sticky', type: 'directory' as const, mode: 0o1770, mtimeNs: 1_000_000_000n };
  for await (const chunk of writeTar([...items, { header: link }, { header: hard }, { header: directory }]))
    writeSync(fd, chunk);
  closeSync(fd);
  const target = join(dir, 'unpacked');
  mkdirSync(target);
  const run = spawnSync('tar', ['-C', target, '--xattrs', '-xpf', path], { encoding: 'utf8' });
  assert.equal(run.status, 0, run.stderr);
  for (const name of names) {
    const file = Buffer.concat([Buffer.from(`${target}/`), Buffer.from(name, 'latin1')]);
    assert.deepEqual(readFileSync(file), Buffer.from(name, 'latin1'));
    assert.equal(lstatSync(file).mtimeMs, 1_234_567_890_000);
    assert.equal(lstatSync(file).mode & 0o7777, 0o640);
  }
  assert.equal(readlinkSync(join(target, 'links/raw'), 'latin1'), 'raw-\xff\xfe\x80');
  assert.equal(lstatSync(join(target, 'hard')).ino, lstatSync(join(target, long)).ino);
  assert.equal(lstatSync(join(target, 'sticky')).mode & 0o7777, 0o1770);
  const listed = execFileSync('tar', ['--xattrs', '-tvvf', path], { encoding: 'latin1' });
  assert.match(listed, /user\.origin/);
});
