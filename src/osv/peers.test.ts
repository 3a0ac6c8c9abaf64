import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { compareVersions as compareDebian } from '../debian/version.ts';
import { fc } from '../util/property.ts';
import { comparePep440 } from './pep440.ts';
import { compareRpm } from './rpm.ts';
import { compareSemver } from './semver.ts';

// Our orders of versions held against those of the programs that made them.

type Compare = (a: string, b: string) => number;
type Pair = readonly [string, string];

const scratch = mkdtempSync(join(tmpdir(), 'stagecraft-orders-'));
after(() => rmSync(scratch, { recursive: true, force: true }));

const works = (program: string, ...args: string[]): boolean => spawnSync(program, args).status === 0;
const number = fc.constantFrom('0', '1', '2', '9', '10', '11', '01', '100', '2024');

/** Pairs of which many have a beginning in common. */
function drawPairs(version: fc.Arbitrary<string>, count: number): Pair[] {
  const near = fc
    .tuple(version, version, fc.nat(), fc.nat())
    .map(
      ([a, b, cut, start]): Pair => [a, a.slice(0, cut % (a.length + 1)) + b.slice(start % (b.length + 1))],
    );
  return fc.sample(fc.oneof(fc.tuple(version, version), near), { numRuns: count, seed: 20261121 }) as Pair[];
}

/** @param theirs the sign of each pair; nothing where one of the two is no version */
function agree(pairs: readonly Pair[], theirs: readonly (number | undefined)[], ours: Compare): void {
  const known = pairs.flatMap((pair, i) => (theirs[i] === undefined ? [] : [[pair, theirs[i]] as const]));
  assert.ok(known.length > pairs.length / 5, `only ${known.length} of ${pairs.length} are versions`);
  const wrong = known.filter(([[a, b], sign]) => Math.sign(ours(a, b)) !== Math.sign(sign));
  assert.deepEqual(
    wrong.map(([[a, b], sign]) => `${a} and ${b}: ${sign}`),
    [],
  );
}

test('rpm orders versions as we do', { skip: works('rpm', '--eval', '1') ? false : 'needs rpm' }, () => {
  const part = fc.oneof(number, fc.constantFrom('a', 'B', 'rc', '.', '~', '^', '_', '+', 'el9', '.git'));
  const version = fc.array(part, { minLength: 1, maxLength: 5 }).map(parts => parts.join(''));
  const pairs = drawPairs(version, 2_000).filter(([a, b]) => a !== '' && b !== '');
  const script = join(scratch, 'compare.lua');
  const list = pairs.map(pair => `{"${pair.join('","')}"}`).join(',');
  writeFileSync(script, `for _, p in ipairs({${list}}) do io.write(rpm.vercmp(p[1], p[2]), "\\n") end`);
  const told = execFileSync('rpm', ['--eval', `%{lua: dofile("${script}")}`], { encoding: 'utf8' });
  agree(pairs, told.trim().split('\n').map(Number), compareRpm);
});

test('dpkg orders versions as we do', { skip: works('dpkg', '--version') ? false : 'needs dpkg' }, () => {
  const part = fc.oneof(number, fc.constantFrom('.', '+', '~', '-', 'a', 'Z', 'deb12u', 'dfsg'));
  const version = fc
    .tuple(fc.constantFrom('', '', '1:'), number, fc.array(part, { maxLength: 5 }))
    .map(([epoch, first, parts]) => epoch + first + parts.join(''));
  const pairs = drawPairs(version, 40);
  const isValid = (text: string): boolean => works('dpkg', '--validate-version', text);
  const theirs = pairs.map(([a, b]) => {
    if (!isValid(a) || !isValid(b)) return undefined;
    if (works('dpkg', '--compare-versions', a, 'lt', b)) return -1;
    return works('dpkg', '--compare-versions', a, 'eq', b) ? 0 : 1;
  });
  agree(pairs, theirs, compareDebian);
});

const npm = ['/usr/lib/node_modules/npm/', '/usr/share/nodejs/npm/', '/usr/local/lib/node_modules/npm/']
  .map(place => {
    try {
      return createRequire(place)('semver') as { valid(text: string): string | null; compare: Compare };
    } catch {
      return undefined;
    }
  })
  .find(each => each !== undefined);

test('npm orders versions as we do', { skip: npm ? false : "needs npm's own modules" }, () => {
  const id = fc.constantFrom('alpha', 'beta', 'rc', '1', '0', 'x1', '10', '-', 'a-b', 'A', 'rc1', 'rc10');
  const version = fc
    .tuple(fc.array(fc.nat(12), { minLength: 3, maxLength: 3 }), fc.array(id, { maxLength: 3 }))
    .map(([numbers, ids]) => numbers.join('.') + (ids.length > 0 ? `-${ids.join('.')}` : ''));
  const pairs = drawPairs(version, 2_000);
  const theirs = pairs.map(([a, b]) => (npm!.valid(a) && npm!.valid(b) ? npm!.compare(a, b) : undefined));
  agree(pairs, theirs, compareSemver);
});

const packaging =
  'try:\n  from packaging.version import Version\nexcept ImportError:\n  from pip._vendor.packaging.version import Version\n';

test('Python orders versions as we do', {
  skip: works('python3', '-c', packaging) ? false : 'needs python3 with packaging or pip',
}, () => {
  const suffix = fc.constantFrom(
    '',
    'a',
    'b1',
    'rc2',
    '.post1',
    '-1',
    '.dev',
    '.dev3',
    '+abc.5',
    '_c',
    'pre',
  );
  const version = fc
    .tuple(fc.constantFrom('', '', '1!'), fc.array(number, { minLength: 1, maxLength: 4 }), suffix, suffix)
    .map(([epoch, numbers, one, other]) => epoch + numbers.join('.') + one + other);
  const pairs = drawPairs(version, 2_000);
  const file = join(scratch, 'pairs.json');
  writeFileSync(file, JSON.stringify(pairs));
  const script = `${packaging}
import json
signs = []
for a, b in json.load(open(${JSON.stringify(file)})):
  try:
    a, b = Version(a), Version(b)
    signs.append((a > b) - (a < b))
  except ValueError:
    signs.append(None)
print(json.dumps(signs))`;
  const told = JSON.parse(execFileSync('python3', ['-c', script], { encoding: 'utf8' })) as (number | null)[];
  agree(
    pairs,
    told.map(sign => sign ?? undefined),
    comparePep440,
  );
});
