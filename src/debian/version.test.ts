import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { test } from 'node:test';
import { fc } from '../util/property.ts';
import { compareVersions, versionSatisfies } from './version.ts';

const part = fc.stringMatching(/^[0-9a-zA-Z.+~]{0,6}$/);
const version = fc
  .tuple(
    fc.option(fc.integer({ min: 0, max: 3 }), { nil: undefined }),
    fc.integer({ min: 0, max: 99 }),
    part,
    fc.option(part, { nil: undefined }),
  )
  .map(
    ([epoch, number, upstream, revision]) =>
      `${epoch === undefined ? '' : `${epoch}:`}${number}${upstream}${revision ? `-${revision}` : ''}`,
  );

test('versions sort as Debian policy says', () => {
  const ascending = [
    '0~~',
    '0~~a',
    '0~',
    '0',
    '0a',
    '0.9',
    '1.0~beta1~svn1245',
    '1.0~beta1',
    '1.0',
    '1.0-1~bpo1',
    '1.0-1',
    '1.0-1+b1',
    '1.0-1.1',
    '1.0+dfsg-1',
    '1.2-10',
    '1.10-2',
    '2.36-9+deb12u9',
    '2.36-9+deb12u10',
    '1:0.1',
  ];
  for (const [i, a] of ascending.entries())
    for (const [j, b] of ascending.entries())
      assert.equal(compareVersions(a, b), Math.sign(i - j), `${a} against ${b}`);
});

test('zeros before a number and a missing epoch or revision say nothing', () => {
  assert.equal(compareVersions('1.01', '1.1'), 0);
  assert.equal(compareVersions('0:1.0', '1.0'), 0);
  assert.equal(compareVersions('1.0-0', '1.0'), 0);
});

test('the order is a total one', () => {
  fc.assert(
    fc.property(version, version, version, (a, b, c) => {
      assert.equal(compareVersions(a, a), 0);
      assert.equal(compareVersions(a, b), -compareVersions(b, a) || 0);
      const [x, y, z] = [a, b, c].sort(compareVersions) as [string, string, string];
      assert.ok(compareVersions(x, y) <= 0 && compareVersions(y, z) <= 0 && compareVersions(x, z) <= 0);
    }),
  );
});

const dpkg = '/usr/bin/dpkg';
test('dpkg agrees', { skip: !existsSync(dpkg) && 'dpkg is not installed' }, () => {
  fc.assert(
    fc.property(version, version, (a, b) => {
      const operator = { '-1': 'lt', 0: 'eq', 1: 'gt' }[compareVersions(a, b)]!;
      execFileSync(dpkg, ['--compare-versions', a, operator, b], { stdio: 'ignore' });
    }),
    { numRuns: 150 },
  );
});

test('the operators of relations', () => {
  assert.ok(versionSatisfies('2.36-9', '>=', '2.36'));
  assert.ok(!versionSatisfies('2.36-9', '=', '2.36'));
  assert.ok(versionSatisfies('1.0~rc1', '<<', '1.0'));
  assert.ok(!versionSatisfies('1.0', '>>', '1.0'));
  assert.ok(versionSatisfies('1.0', '<=', '1.0-0'));
});
