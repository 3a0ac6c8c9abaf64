import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, suite, test } from 'node:test';
import { hostPlatform } from '../image/platform.ts';
import { openLayerStore } from '../snapshot/layer-store.ts';
import { openStore } from '../store/store.ts';
import { architectureOf, headerSize, knownArchitectures, smallestProgram } from './elf.ts';
import { cannotRun, runnableArchitectures, runsHere } from './emulation.ts';
import { findProgram, mayFind } from './program.ts';

const dir = mkdtempSync(join(tmpdir(), 'stagecraft-emulation-'));
const store = openStore(join(dir, 'store'));
const layers = openLayerStore(store);
after(() => {
  store.close();
  rmSync(dir, { recursive: true });
});

suite('programs of other processors', () => {
  test('each architecture is known by the header of a program for it', () => {
    for (const name of knownArchitectures) assert.equal(architectureOf(smallestProgram(name)!), name);
    for (const other of ['', '#!/bin/sh\n', '\x7fELF', `\x7fELF${'\0'.repeat(headerSize)}`])
      assert.equal(architectureOf(Buffer.from(other, 'latin1')), undefined);
    assert.equal(smallestProgram('constructor'), undefined);
  });

  test("this machine's own programs run, and its list begins with them", async () => {
    const own = hostPlatform().architecture;
    assert.equal(await runsHere(own, dir), true);
    assert.equal((await runnableArchitectures(dir))[0], own);
  });

  test('the program behind a command is found through PATH, symlinks and scripts', () => {
    const plain = { uid: 0, gid: 0, mtimeNs: 0n };
    const executable = { ...plain, mode: 0o755 };
    const draft = layers.create([]);
    const writer = layers.writer(draft, []);
    for (const path of ['/usr', '/usr/bin', '/work', '/loop']) writer.putDirectory(path, executable);
    writer.putSymlink('/bin', 'usr/bin', { ...plain, mode: 0o777 });
    writer.putSymlink('/usr/bin/sh', '/bin/dash', { ...plain, mode: 0o777 });
    writer.putSymlink('/loop/self', 'self', { ...plain, mode: 0o777 });
    writer.putFile('/usr/bin/dash', { data: smallestProgram('s390x')! }, executable);
    writer.putFile('/work/script', { data: Buffer.from('#! /usr/bin/env sh\n') }, executable);
    writer.putFile('/usr/bin/env', { data: smallestProgram('arm64')! }, executable);
    writer.putFile('/work/text', { data: Buffer.from('no program') }, executable);
    writer.putFile('/usr/bin/data', { data: smallestProgram('arm')! }, { ...plain, mode: 0o644 });
    writer.putFile('/work/circle', { data: Buffer.from('#!/work/circle\n') }, executable);
    writer.finish();
    const tree = layers.view([draft.commit()]);
    const found = (name: string, mounted: string[] = []) =>
      findProgram(tree, { args: [name], env: ['PATH=/nowhere:/loop/self:/bin'], cwd: '/work', mounted });
    assert.deepEqual(found('sh'), { path: '/bin/sh', architecture: 's390x' });
    assert.deepEqual(found('/bin/sh'), { path: '/bin/sh', architecture: 's390x' });
    assert.deepEqual(found('./script'), { path: '/usr/bin/env', architecture: 'arm64' });
    for (const none of ['text', './text', './circle', './absent', '/loop/self', '/work', '', 'data'])
      assert.equal(found(none), undefined, none);
    // Of what is on a mount nothing is known.
    assert.equal(found('sh', ['/usr']), undefined);
    assert.equal(found('sh', ['/nowhere']), undefined);
    assert.equal(found('./script', ['/usr/bin/env']), undefined);
    assert.deepEqual(found('./script', ['/usr/bin/sh'])?.architecture, 'arm64');
    assert.ok(mayFind(tree, '/usr/bin/qemu', { mounted: ['/usr/bin/qemu'] }));
    assert.ok(mayFind(tree, '/bin/env', {}) && !mayFind(tree, '/bin/qemu', {}));
  });

  test('the error names the program, both platforms and what to install', () => {
    const { code, message, hint } = cannotRun('The program /bin/sh', 'loong64');
    assert.equal(code, 'unsupported');
    assert.match(message, /^The program \/bin\/sh is for linux\/loong64, and this machine \(linux\/\w+\)/);
    assert.match(hint!, /qemu-user-static/);
  });
});
