import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compareApk } from './apk.ts';
import { compareMaven } from './maven.ts';
import { comparePep440 } from './pep440.ts';
import { compareRpm } from './rpm.ts';
import { compareSemver } from './semver.ts';

/** Each is older than the next; those within one text are equal. */
function isOrdered(compare: (a: string, b: string) => number, ...versions: string[]): void {
  const groups = versions.map(text => text.split(' '));
  for (const [i, group] of groups.entries())
    for (const a of group) {
      for (const b of group) assert.equal(Math.sign(compare(a, b)), 0, `${a} = ${b}`);
      for (const later of groups.slice(i + 1))
        for (const b of later) {
          assert.equal(Math.sign(compare(a, b)), -1, `${a} < ${b}`);
          assert.equal(Math.sign(compare(b, a)), 1, `${b} > ${a}`);
        }
    }
}

test('semantic versions, and those of Go', () => {
  isOrdered(
    compareSemver,
    '0',
    '1.0.0-alpha',
    '1.0.0-alpha.1',
    '1.0.0-alpha.beta',
    '1.0.0-beta',
    '1.0.0-beta.2',
    '1.0.0-beta.11',
    '1.0.0-rc.1',
    '1.0.0 v1.0.0 1.0.0+build 1',
    '1.2.0',
    '1.10.0',
    '1.21rc2',
    '1.21.0',
    '1.21.1-0.20230101000000-abcdef123456',
    '1.21.1',
    '2.0.0+incompatible',
  );
});

test('versions of Python packages', () => {
  isOrdered(
    comparePep440,
    'no-version',
    '1.dev0 1.0.dev0',
    '1.0.dev456',
    '1.0a1 1.0.alpha-1',
    '1.0a2.dev456',
    '1.0a12.dev456',
    '1.0a12',
    '1.0b1.dev456',
    '1.0b2',
    '1.0b2.post345.dev456',
    '1.0b2.post345',
    '1.0rc1.dev456',
    '1.0rc1 1.0c1',
    '1.0 1.0.0 v1.0',
    '1.0+abc.5',
    '1.0+abc.7',
    '1.0+5',
    '1.0.post456.dev34',
    '1.0.post456 1.0-456',
    '1.1.dev1',
    '1.10',
    '1!0.1',
  );
});

test('versions of Maven', () => {
  isOrdered(
    compareMaven,
    '1-alpha-1 1-a1',
    '1-beta-1',
    '1-m3 1-milestone-3',
    '1-rc1 1-cr1',
    '1-SNAPSHOT',
    '1 1.0 1.0.0 1-ga 1.final 1.0.RELEASE',
    '1-sp',
    '1-sp-1',
    '1-foo',
    '1-1',
    '1.1',
    '1.2.3',
    '1.10',
    '2.17.1',
  );
});

test('versions of Alpine', () => {
  isOrdered(
    compareApk,
    'strange!',
    '1.0_alpha1-r0',
    '1.0_beta',
    '1.0_pre2',
    '1.0_rc1-r3',
    '1.0 1.0-r0',
    '1.0-r1',
    '1.0_git20240101-r0',
    '1.0_p1',
    '1.0a',
    '1.0.01',
    '1.0.1',
    '1.0.10',
    '1.2.9-r9',
    '1.2.10-r0',
  );
});

test('versions of RPM', () => {
  isOrdered(
    compareRpm,
    '1.0~rc1-1',
    '1.0-1 0:1.0-1',
    '1.0-1.el9',
    '1.0-10.el9',
    '1.0^git1-1',
    '1.0a-1',
    '1.0.1-1',
    '1.10-1',
    '1:0.1-1',
  );
  assert.equal(compareRpm('1.0-5.el9', '1.0'), 0);
});
