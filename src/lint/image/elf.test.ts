import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { closeSync, openSync, readdirSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { readElf } from '../../files/elf.ts';
import { makeElf } from '../../files/testing.ts';
import { RootView } from '../../snapshot/root-view.ts';
import { fc } from '../../util/property.ts';
import { directoryOf } from '../testing.ts';
import { missingLibraries, openBinary } from './libraries.ts';

test('A program says what it needs, in either byte order and width', () => {
  for (const bits of [32, 64] as const)
    for (const little of [true, false]) {
      const made = {
        bits,
        little,
        machine: 62,
        interpreter: '/lib64/ld-linux-x86-64.so.2',
        needed: ['liba.so.1', 'libc.so.6'],
        soname: 'x.so',
        rpath: '/r:$ORIGIN/../lib',
        runpath: '/u',
      };
      const directory = directoryOf({ program: makeElf(made) });
      const fd = openSync(join(directory, 'program'), 'r');
      const elf = readElf(fd)!;
      closeSync(fd);
      assert.deepEqual(elf, {
        bits,
        machine: 62,
        interpreter: made.interpreter,
        needed: made.needed,
        soname: 'x.so',
        rpath: ['/r', '$ORIGIN/../lib'],
        runpath: ['/u'],
      });
    }
});

test('A damaged file is read without an error', () => {
  const good = makeElf({ interpreter: '/lib/ld.so', needed: ['a'] });
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { maxLength: 8 }),
      fc.nat(good.length),
      (changes, length) => {
        const bytes = Buffer.from(good.subarray(0, length));
        for (const [at, value] of changes) if (at < bytes.length) bytes[at] = value;
        const tree = new RootView([directoryOf({ a: bytes })]);
        openBinary(tree, '/a');
      },
    ),
    { numRuns: 200 },
  );
});

const hasLdd = spawnSync('ldd', ['--version']).status === 0;

test('On this machine nothing is missing from programs that ldd is content with', {
  skip: hasLdd ? false : 'needs ldd',
}, () => {
  const tree = new RootView(['/']);
  let compared = 0;
  for (const name of readdirSync('/usr/bin').slice(0, 400)) {
    const path = realpathSync(join('/usr/bin', name), { encoding: 'latin1' });
    const binary = openBinary(tree, path);
    if (binary?.elf.interpreter === undefined) continue;
    if (compared++ > 25) break;
    const told = spawnSync('ldd', [path], { encoding: 'utf8' });
    const missing = [...told.stdout.matchAll(/^\s*(\S+) => not found/gm)].map(match => match[1]!);
    assert.deepEqual(
      missingLibraries(tree, binary, []).map(each => each.name),
      missing,
      path,
    );
  }
});
