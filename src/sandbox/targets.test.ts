import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { RootView } from '../snapshot/root-view.ts';
import { MountTargets } from './targets.ts';

suite('the places of mounts', () => {
  const root = mkdtempSync(join(tmpdir(), 'stagecraft-targets-'));
  before(() => {
    mkdirSync(join(root, 'real/dir'), { recursive: true });
    writeFileSync(join(root, 'real/file'), '');
    symlinkSync('/real', join(root, 'absolute'));
    symlinkSync('../../../..', join(root, 'real/up'));
    symlinkSync('/not/there', join(root, 'dangling'));
    symlinkSync('loop', join(root, 'loop'));
  });
  after(() => rmSync(root, { recursive: true }));
  const targets = (): MountTargets => new MountTargets(new RootView([root]));

  test('are where symlinks lead beneath the root, there or not', () => {
    for (const [target, place] of [
      ['/absolute/x', '/real/x'],
      ['/real/up/real/dir', '/real/dir'],
      ['/dangling', '/not/there'],
      ['/dangling/deep', '/not/there/deep'],
      ['relative/../real', '/real'],
      ['/../../etc', '/etc'],
    ] as const)
      assert.equal(targets().place(target), place, target);
    assert.throws(() => targets().place('/loop/x'), /loop of symbolic links/);
  });

  test('in other mounts are left to the runtime: the root below does not know them', () => {
    const places = targets();
    assert.equal(places.place('/absolute'), '/real');
    assert.equal(places.place('/absolute/up/x'), '/real/up/x');
    assert.equal(places.place('/real/up'), '/real/up');
    assert.equal(places.place('/dev/shm/../x'), '/dev/x');
  });

  test('are of the kind of what comes there', () => {
    assert.equal(targets().place('/absolute/dir', 'directory'), '/real/dir');
    assert.throws(
      () => targets().place('/absolute/dir', 'file'),
      /A file cannot be mounted at \/absolute\/dir/,
    );
    assert.throws(
      () => targets().place('/real/file', 'directory'),
      /A directory cannot be mounted at \/real\/file/,
    );
  });
});
