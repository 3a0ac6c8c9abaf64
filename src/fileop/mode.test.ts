import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fc } from '../util/property.ts';
import { parseMode } from './mode.ts';

const dir = mkdtempSync(join(tmpdir(), 'stagecraft-mode-'));
after(() => rmSync(dir, { recursive: true }));

test('a mode does what the machine’s chmod does, under a umask of 0', () => {
  const file = join(dir, 'file');
  const directory = join(dir, 'directory');
  writeFileSync(file, '');
  mkdirSync(directory);
  const letters = fc.oneof(
    fc.subarray(['r', 'w', 'x']).map(each => each.join('')),
    fc.constantFrom('u', 'g', 'o'),
  );
  const clause = fc
    .tuple(
      fc.subarray(['u', 'g', 'o', 'a']).map(each => each.join('')),
      fc.array(fc.tuple(fc.constantFrom('+', '-', '='), letters), { minLength: 1, maxLength: 2 }),
    )
    .map(([who, changes]) => who + changes.map(change => change.join('')).join(''));
  const mode = fc.oneof(
    fc.array(clause, { minLength: 1, maxLength: 3 }).map(clauses => clauses.join(',')),
    fc.nat(0o777).map(bits => bits.toString(8)),
    // Behind other changes GNU's X goes by the mode they made, BSD's, which is Docker's, by the mode at the start.
    fc.constantFrom('+X', 'u+X', 'go=X', 'a-X', 'u=rwX', 'a=rX', 'g+rX'),
  );
  after(() => chmodSync(directory, 0o700));
  fc.assert(
    fc.property(mode, fc.nat(0o777), (text, start) => {
      const change = parseMode(text);
      for (const [path, isDirectory] of [
        [file, false],
        [directory, true],
      ] as const) {
        chmodSync(path, start);
        execFileSync('sh', ['-c', 'umask 0; exec chmod -- "$0" "$1"', text, path]);
        const expected = statSync(path).mode & 0o7777;
        assert.equal(change(start, isDirectory).toString(8), expected.toString(8));
      }
    }),
    { numRuns: 60 },
  );
});

test('set-id and sticky bits follow setmode(3)', () => {
  const cases = [
    ['u+s', 0o755, 0o4755],
    ['g+s', 0o755, 0o2755],
    ['+s', 0o755, 0o6755],
    ['o+s', 0o755, 0o755],
    ['+t', 0o777, 0o1777],
    ['u=rx', 0o4755, 0o555],
    ['a-s', 0o6755, 0o755],
    ['4755', 0o644, 0o4755],
  ] as const;
  for (const [text, start, expected] of cases)
    assert.equal(parseMode(text)(start, false).toString(8), expected.toString(8), text);
});

test('what is no mode is refused', () => {
  for (const text of ['', '888', '77777', 'u', 'rwx', 'u+q', 'u+x,', 'u+x g+x', '-644'])
    assert.throws(() => parseMode(text), { code: 'usage' }, text);
});
