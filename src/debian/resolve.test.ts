import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { isLeftOut, rootsOf } from './flavour.ts';
import { installOrder } from './order.ts';
import { PackageIndex, readPackages } from './packages.ts';
import { resolvePackages } from './resolve.ts';

type Fields = Record<string, string>;

function stanza(name: string, fields: Fields = {}): string {
  const all: Fields = {
    Package: name,
    Version: '1.0',
    Architecture: 'amd64',
    Priority: 'optional',
    ...fields,
    Filename: `pool/${name}.deb`,
    Size: '1',
    SHA256: '0'.repeat(64),
  };
  return Object.entries(all)
    .map(([field, value]) => `${field}: ${value}\n`)
    .join('');
}

function indexOf(packages: Record<string, Fields>): PackageIndex {
  const index = new PackageIndex();
  for (const [name, fields] of Object.entries(packages))
    index.add(stanza(name.replace(/#.*/, ''), fields), 0);
  return index;
}

const namesOf = (index: PackageIndex, ...roots: string[]) =>
  resolvePackages(roots, index).packages.map(each => each.name);

describe('what a package needs', () => {
  test('comes in with it, through any number of steps', () => {
    const index = indexOf({ a: { Depends: 'b' }, b: { 'Pre-Depends': 'c' }, c: {}, d: {} });
    assert.deepEqual(namesOf(index, 'a'), ['a', 'b', 'c']);
  });

  test('may need it in return', () => {
    const index = indexOf({ a: { Depends: 'b' }, b: { Depends: 'a' } });
    assert.deepEqual(namesOf(index, 'a'), ['a', 'b']);
  });

  test('is the first alternative that exists', () => {
    const index = indexOf({ a: { Depends: 'gone | b | c' }, b: {}, c: {} });
    assert.deepEqual(namesOf(index, 'a'), ['a', 'b']);
  });

  test('is an alternative that is there anyway, in whatever order they come', () => {
    const index = indexOf({ a: { Depends: 'b | c' }, b: {}, c: {}, z: { Depends: 'c' } });
    assert.deepEqual(namesOf(index, 'a', 'c'), ['a', 'c']);
    assert.deepEqual(namesOf(index, 'a', 'z'), ['a', 'c', 'z']);
  });

  test('respects versions, and takes the newest', () => {
    const index = indexOf({ a: { Depends: 'b (>= 2) | c' }, 'b#1': { Version: '1.9' }, c: {} });
    assert.deepEqual(namesOf(index, 'a'), ['a', 'c']);
    const updated = indexOf({ a: { Depends: 'b' }, 'b#1': { Version: '1.9' }, 'b#2': { Version: '1.10' } });
    assert.deepEqual(
      resolvePackages(['a'], updated).packages.map(each => each.version),
      ['1.0', '1.10'],
    );
  });

  test('may be a virtual package; a versioned one only from who gives that version', () => {
    const index = indexOf({
      a: { Depends: 'mail' },
      b: { Provides: 'mail', Priority: 'extra' },
      c: { Provides: 'mail, other', Priority: 'standard' },
      v: { Depends: 'api (= 3)' },
      w: { Provides: 'api' },
      x: { Provides: 'api (= 3)' },
    });
    assert.deepEqual(namesOf(index, 'a'), ['a', 'c']);
    assert.deepEqual(namesOf(index, 'v'), ['v', 'x']);
  });

  test('avoids a provider that conflicts with what is chosen', () => {
    const index = indexOf({
      a: { Depends: 'mail' },
      b: { Provides: 'mail' },
      c: { Provides: 'mail' },
      k: { Conflicts: 'b' },
    });
    assert.deepEqual(namesOf(index, 'a', 'k'), ['a', 'c', 'k']);
  });

  test('is named with its trail when it does not exist', () => {
    const index = indexOf({ a: { Depends: 'b' }, b: { Depends: 'gone (>= 2)' } });
    assert.throws(() => namesOf(index, 'a'), /b \(for a\) needs gone \(>= 2\)/);
  });
});

describe('what is asked for', () => {
  test('must exist', () => {
    assert.throws(() => namesOf(indexOf({}), 'gone'), /no package gone/);
  });

  test('may be a certain version', () => {
    const index = indexOf({ 'b#1': { Version: '1' }, 'b#2': { Version: '2' } });
    assert.equal(resolvePackages(['b=1'], index).packages[0]!.version, '1');
    assert.throws(() => resolvePackages(['b=3'], index), { hint: 'There is 2, 1.' });
  });

  test('must not exclude each other', () => {
    const index = indexOf({ a: { Conflicts: 'virtual' }, b: { Provides: 'virtual' } });
    assert.throws(() => namesOf(index, 'a', 'b'), /packages a and b exclude each other/);
  });

  test('may provide what it conflicts with, as packages that replace each other do', () => {
    const index = indexOf({ a: { Conflicts: 'virtual', Provides: 'virtual' } });
    assert.deepEqual(namesOf(index, 'a'), ['a']);
  });
});

describe('a flavour', () => {
  const index = indexOf({
    apt: {},
    'base-files': { Essential: 'yes', Depends: 'awk' },
    'ca-certificates': { Depends: 'openssl, debconf' },
    dash: { Essential: 'yes' },
    debconf: {},
    libc6: {},
    mawk: { Provides: 'awk' },
    mount: { Priority: 'required' },
    netbase: {},
    openssl: { Depends: 'libc6' },
    program: { Depends: 'libc6, dash (>= 0.5), openssl, debconf' },
    script: { Depends: 'awk' },
    tzdata: { Depends: 'debconf' },
    'usr-is-merged': {},
  });

  test('full has what is essential or required, and apt', () => {
    assert.deepEqual(namesOf(index, ...rootsOf('full', [], index, false)), [
      'apt',
      'base-files',
      'dash',
      'mawk',
      'mount',
      'usr-is-merged',
    ]);
  });

  test('full can fetch from its sources when they are secure', () => {
    assert.ok(rootsOf('full', [], index, true).includes('ca-certificates'));
  });

  test('minimal leaves out shell, package tools and what only scripts of packages use', () => {
    const roots = rootsOf('minimal', ['program'], index, false);
    const { packages, leftOut } = resolvePackages(roots, index, { leaveOut: isLeftOut });
    assert.deepEqual(
      packages.map(each => each.name),
      ['base-files', 'ca-certificates', 'libc6', 'netbase', 'openssl', 'program', 'tzdata'],
    );
    assert.deepEqual(leftOut, ['dash', 'debconf', 'mawk']);
  });

  test('minimal takes what is named, and a tool that a program really uses', () => {
    const roots = rootsOf('minimal', ['dash', 'script'], index, false);
    const { packages } = resolvePackages(roots, index, { leaveOut: isLeftOut });
    const names = packages.map(each => each.name);
    assert.ok(names.includes('dash') && names.includes('mawk'));
  });
});

describe('the order of installation', () => {
  const { packages } = resolvePackages(
    ['base', 'late', 'early', 'plain', 'user', 'left'],
    indexOf({
      base: { Essential: 'yes', Depends: 'lib' },
      lib: {},
      late: { 'Pre-Depends': 'early' },
      early: { Depends: 'helper' },
      helper: {},
      plain: {},
      user: { Depends: 'late' },
      left: { 'Pre-Depends': 'right' },
      right: { Depends: 'left, late' },
    }),
  );
  const names = (list: readonly { name: string }[]) => list.map(each => each.name);

  test('begins with what is essential and all it needs', () => {
    assert.deepEqual(names(installOrder(packages)[0]!), ['base', 'lib']);
  });

  test('configures what a Pre-Depends needs before the package is unpacked', () => {
    assert.deepEqual(names(installOrder(packages)[1]!), ['early', 'helper', 'plain']);
  });

  test('puts a package after or beside what it needs, and those in a circle together', () => {
    assert.deepEqual(installOrder(packages).slice(2).map(names), [['late', 'left', 'right', 'user']]);
  });

  test('leaves nothing out', () => {
    assert.equal(installOrder(packages).flat().length, packages.length);
  });
});

describe('an index', () => {
  async function* inPieces(text: string, size: number): AsyncGenerator<Uint8Array> {
    const data = Buffer.from(text);
    for (let at = 0; at < data.length; at += size) yield data.subarray(at, at + size);
  }

  test('is read whatever pieces it arrives in', async () => {
    const text = [
      stanza('a', { Description: 'näme: no field\n Package: also none', Depends: 'b,\n c (>= 1)' }),
      stanza('b', { Architecture: 'all' }),
      stanza('c', { Version: '2:1.0-1', Essential: 'yes' }),
      stanza('foreign', { Architecture: 's390x' }),
    ].join('\n');
    for (const size of [1, 7, 64, 100_000]) {
      const index = new PackageIndex();
      await readPackages(inPieces(text, size), 3, 'amd64', index);
      assert.equal(index.size, 3);
      const [a] = index.versions('a');
      assert.equal(a!.depends, 'b, c (>= 1)');
      assert.equal(a!.archive, 3);
      assert.deepEqual(
        index.required().map(each => each.version),
        ['2:1.0-1'],
      );
    }
  });

  test('with an entry that cannot be verified is refused when that is used', () => {
    const index = new PackageIndex();
    index.add('Package: a\nVersion: 1\nFilename: a.deb\nSize: 1\n', 0);
    assert.throws(() => index.versions('a'), /incomplete entry for a/);
  });
});
