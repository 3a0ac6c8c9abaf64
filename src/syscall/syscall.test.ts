import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  closeSync,
  constants,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { copyRange } from './copy.ts';
import { deviceNumber, makeNode, splitDeviceNumber } from './nodes.ts';
import { openBeneath } from './open.ts';
import { makeMemoryFile, makeSealedFile } from './pipe.ts';
import { setTimes } from './times.ts';
import { getXattr, listXattrs, removeXattr, setXattr } from './xattrs.ts';

const dir = mkdtempSync(join(tmpdir(), 'stagecraft-syscall-'));
after(() => rmSync(dir, { recursive: true }));

test('an extended attribute is set, listed, read and removed', () => {
  const file = join(dir, 'attributes');
  writeFileSync(file, '');
  assert.equal(getXattr(file, 'user.colour'), undefined);
  setXattr(file, 'user.colour', 'blue');
  assert.deepEqual(
    listXattrs(file).filter(name => name.startsWith('user.')),
    ['user.colour'],
  );
  assert.equal(Buffer.from(getXattr(file, 'user.colour')!).toString(), 'blue');
  removeXattr(file, 'user.colour');
  assert.equal(getXattr(file, 'user.colour'), undefined);
});

test('an overlay whiteout is a character device 0:0 and needs no privilege', () => {
  makeNode(join(dir, 'whiteout'), 'char', 0, 0, 0);
  const stat = lstatSync(join(dir, 'whiteout'));
  assert.ok(stat.isCharacterDevice());
  assert.equal(stat.rdev, 0);
});

test('device numbers keep large majors and minors', () => {
  for (const [major, minor] of [
    [1, 3],
    [259, 300],
    [4095, 1048575],
  ] as const)
    assert.deepEqual(splitDeviceNumber(deviceNumber(major, minor)), { major, minor });
  assert.equal(deviceNumber(1, 3), 259n);
});

test('times keep nanoseconds and are set on a symlink itself', () => {
  symlinkSync('nowhere', join(dir, 'dangling'));
  setTimes(join(dir, 'dangling'), 1_700_000_000_123_456_789n);
  assert.equal(lstatSync(join(dir, 'dangling'), { bigint: true }).mtimeNs, 1_700_000_000_123_456_789n);
  setTimes(join(dir, 'dangling'), -1n);
  assert.equal(lstatSync(join(dir, 'dangling'), { bigint: true }).mtimeNs, -1n);
});

test('nothing opened beneath a root leads out of it', () => {
  const root = join(dir, 'root');
  mkdirSync(join(root, 'etc'), { recursive: true });
  writeFileSync(join(dir, 'secret'), 'outside');
  writeFileSync(join(root, 'etc/passwd'), 'inside');
  symlinkSync('/etc/passwd', join(root, 'link'));
  symlinkSync('../secret', join(root, 'climber'));
  const rootFd = openSync(root, constants.O_DIRECTORY);
  const fd = openBeneath(rootFd, '/link', constants.O_RDONLY);
  assert.equal(readFileSync(fd, 'utf8'), 'inside');
  closeSync(fd);
  assert.throws(() => openBeneath(rootFd, 'climber', constants.O_RDONLY), { code: 'ENOENT' });
  assert.throws(() => openBeneath(rootFd, '../secret', constants.O_RDONLY), { code: 'ENOENT' });
  assert.throws(() => openBeneath(rootFd, 'link', constants.O_RDONLY, { symlinks: false }), {
    code: 'ELOOP',
  });
  closeSync(rootFd);
});

test('a file is copied inside the kernel', () => {
  writeFileSync(join(dir, 'from'), 'x'.repeat(100_000));
  const from = openSync(join(dir, 'from'), 'r');
  const to = openSync(join(dir, 'to'), 'w');
  assert.equal(copyRange(from, to), 100_000);
  closeSync(from);
  closeSync(to);
  assert.equal(readFileSync(join(dir, 'to'), 'utf8'), 'x'.repeat(100_000));
});

test('a program in a sealed file in memory can be executed by who inherits it, and changed by nobody', () => {
  const fd = makeSealedFile(readFileSync('/bin/echo'));
  const { stdout } = spawnSync('/proc/self/fd/3', ['runs'], {
    stdio: ['ignore', 'pipe', 'inherit', fd],
    encoding: 'utf8',
  });
  assert.equal(stdout, 'runs\n');
  assert.throws(() => writeSync(fd, 'x', 0), { code: 'EPERM' });
  // Opened once more as its owner, it is no more writable.
  const again = openSync(`/proc/self/fd/${fd}`, 'r+');
  assert.throws(() => writeSync(again, 'x', 0), { code: 'EPERM' });
  closeSync(again);
  closeSync(fd);
  const open = makeMemoryFile('text');
  assert.equal(writeSync(open, 'T', 0), 1, 'the seals make the difference');
  closeSync(open);
});
