import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Distribution, Package, PackageType } from '../sbom/types.ts';
import { isIgnored, parseIgnored } from './ignored.ts';
import { keyOfId, keysOf } from './keys.ts';
import { matchVulnerabilities, type Vulnerability } from './match.ts';
import type { OsvAffected, OsvRecord } from './record.ts';

const debian: Distribution = { id: 'debian', version: '12', name: 'Debian 12' };
const critical = 'CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H';

function packageOf(type: PackageType, name: string, version: string, source?: Package['source']): Package {
  const purl = `pkg:${type}/${name}@${version}`;
  return { type, name, version, purl, ...(source && { source }), licenses: [], locations: [{ path: '/' }] };
}

function match(records: OsvRecord[], entry: Package, distribution = debian): Promise<Vulnerability[]> {
  const find = (key: string): OsvRecord[] =>
    records.filter(record => keysOf(record).has(key) || keyOfId(record.id) === key);
  return matchVulnerabilities({ packages: [entry], distribution, gaps: [] }, { find });
}

function affects(ecosystem: string, name: string, ...events: object[]): OsvAffected {
  return { package: { ecosystem, name }, ranges: [{ type: 'ECOSYSTEM', events }] };
}

/** Versions of an npm package `a` that are affected. */
async function affected(versions: string[], ...affected: Partial<OsvAffected>[]): Promise<string[]> {
  const record = {
    id: 'X',
    affected: affected.map(each => ({ package: { ecosystem: 'npm', name: 'a' }, ...each })),
  };
  const found: string[] = [];
  for (const version of versions)
    if ((await match([record], packageOf('npm', 'a', version))).length > 0) found.push(version);
  return found;
}

test('ranges: introduced, fixed, last_affected, limit, in any order', async () => {
  const versions = ['0.9.0', '1.0.0', '1.5.0', '2.0.0', '2.1.0', '3.0.0'];
  const range = (...events: object[]): Partial<OsvAffected> => ({ ranges: [{ type: 'SEMVER', events }] });
  assert.deepEqual(await affected(versions, range({ introduced: '0' })), versions);
  assert.deepEqual(await affected(versions, range({ introduced: '1.0.0' }, { fixed: '2.0.0' })), [
    '1.0.0',
    '1.5.0',
  ]);
  assert.deepEqual(await affected(versions, range({ last_affected: '1.5.0' }, { introduced: '0' })), [
    '0.9.0',
    '1.0.0',
    '1.5.0',
  ]);
  assert.deepEqual(
    await affected(
      versions,
      range({ introduced: '0' }, { fixed: '1.0.0' }, { introduced: '2.0.0' }, { fixed: '2.1.0' }),
    ),
    ['0.9.0', '2.0.0'],
  );
  assert.deepEqual(await affected(versions, range({ introduced: '1.0.0' }, { limit: '2.0.0' })), [
    '1.0.0',
    '1.5.0',
  ]);
  assert.deepEqual(await affected(versions, range({ introduced: '2.1.0' }, { limit: '*' })), [
    '2.1.0',
    '3.0.0',
  ]);
  assert.deepEqual(await affected(versions, { versions: ['1.5.0'] }, range({ introduced: '3.0.0' })), [
    '1.5.0',
    '3.0.0',
  ]);
  assert.deepEqual(
    await affected(versions, { ranges: [{ type: 'GIT', events: [{ introduced: '0' }] }] }),
    [],
  );
});

test('a package of Debian is looked up by its source, in its release', async () => {
  const libc = packageOf('deb', 'libc6', '2.36-9+b1', { name: 'glibc', version: '2.36-9' });
  const record = (id: string, ...affected: OsvAffected[]): OsvRecord => ({ id, affected });
  const found = await match(
    [
      record('CVE-1', affects('Debian:12', 'glibc', { introduced: '0' }, { fixed: '2.36-9+deb12u4' })),
      record('CVE-2', affects('Debian:11', 'glibc', { introduced: '0' })),
      record('CVE-3', affects('Debian:12', 'glibc', { introduced: '0' }, { fixed: '2.36-9' })),
      record('CVE-4', affects('npm', 'glibc', { introduced: '0' })),
      record('CVE-5', affects('Debian:12', 'libc6', { introduced: '0' })),
    ],
    libc,
  );
  assert.deepEqual(
    found.map(({ id, fixed }) => [id, fixed]),
    [['CVE-1', '2.36-9+deb12u4']],
  );
});

for (const [type, name, ecosystem, affectedName, version, distribution] of [
  ['apk', 'libssl3', 'Alpine:v3.18', 'openssl', '3.1.1-r1', { id: 'alpine', version: '3.18.4', name: '' }],
  ['deb', 'libssl3', 'Ubuntu:22.04:LTS', 'openssl', '3.1', { id: 'ubuntu', version: '22.04', name: '' }],
  ['rpm', 'libssl3', 'Rocky Linux:9', 'libssl3', '3.1-1', { id: 'rocky', version: '9.3', name: '' }],
  [
    'rpm',
    'libssl3',
    'Red Hat:enterprise_linux:9::baseos',
    'libssl3',
    '3.1-1',
    { id: 'rhel', version: '9.3', name: '' },
  ],
  ['pypi', 'Zope.Interface', 'PyPI', 'zope-interface', '3.1', debian],
  ['golang', 'golang.org/x/net', 'Go', 'golang.org/x/net', 'v3.1.0', debian],
  ['cargo', 'time', 'crates.io', 'time', '3.1.0', debian],
  ['maven', 'org.a:b', 'Maven', 'org.a:b', '3.1', debian],
] as const)
  test(`${ecosystem} is the ecosystem of ${type} ${name} of ${distribution.id}`, async () => {
    const record = {
      id: 'X',
      affected: [affects(ecosystem, affectedName, { introduced: '3' }, { fixed: '4' })],
    };
    const entry = packageOf(type, name, version, { name: 'openssl', version });
    const [found] = await match([record], entry, distribution);
    assert.equal(found?.fixed, '4');
    assert.deepEqual(
      await match([{ ...record, withdrawn: '2026-01-01T00:00:00Z' }], entry, distribution),
      [],
    );
  });

test('records of one vulnerability are one, under its CVE, with the worst severity', async () => {
  const affected = [affects('npm', 'a', { introduced: '0' }, { fixed: '2.0.0' })];
  const found = await match(
    [
      {
        id: 'GHSA-1',
        aliases: ['CVE-1'],
        affected,
        database_specific: { severity: 'MODERATE' },
        summary: 'Bad',
      },
      { id: 'CVE-1', affected, severity: [{ type: 'CVSS_V3', score: critical }] },
      { id: 'GHSA-2', affected, severity: [{ type: 'CVSS_V3', score: 'CVSS:9/nonsense' }] },
    ],
    packageOf('npm', 'a', '1.0.0'),
  );
  assert.deepEqual(
    found.map(({ id, ids, severity, summary }) => [id, ids, severity.level, severity.score, summary]),
    [
      ['CVE-1', ['GHSA-1', 'CVE-1'], 'critical', 9.8, 'Bad'],
      ['GHSA-2', ['GHSA-2'], 'unknown', undefined, ''],
    ],
  );
});

test('severity comes from every version of CVSS, and else from the upstream record', async () => {
  const affected = [affects('Debian:12', 'a', { introduced: '0' })];
  const levelOf = async (changes: Partial<OsvRecord>, ...others: OsvRecord[]): Promise<unknown[]> => {
    const [found] = await match([{ id: 'X', affected, ...changes }, ...others], packageOf('deb', 'a', '1'));
    return [found!.severity.level, found!.severity.score];
  };
  const v4 = 'CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N';
  assert.deepEqual(await levelOf({ severity: [{ type: 'CVSS_V4', score: v4 }] }), ['critical', 9.3]);
  assert.deepEqual(await levelOf({ severity: [{ type: 'CVSS_V2', score: 'AV:N/AC:L/Au:N/C:P/I:P/A:P' }] }), [
    'high',
    7.5,
  ]);
  assert.deepEqual(await levelOf({ severity: [{ type: 'Ubuntu', score: 'low' }] }), ['low', undefined]);
  const upstream = { id: 'CVE-9', severity: [{ type: 'CVSS_V3', score: critical }] };
  assert.deepEqual(await levelOf({ upstream: ['CVE-9'] }, upstream), ['critical', 9.8]);
});

test('an advisory of which all is told by others is left out', async () => {
  const affected = [affects('Debian:12', 'a', { introduced: '0' })];
  const found = await match(
    [
      { id: 'DSA-1', upstream: ['CVE-1', 'CVE-2'], affected },
      { id: 'DEBIAN-CVE-1', upstream: ['CVE-1'], affected },
      { id: 'DEBIAN-CVE-2', upstream: ['CVE-2'], affected },
      { id: 'DSA-2', upstream: ['CVE-2', 'CVE-3'], affected },
    ],
    packageOf('deb', 'a', '1'),
  );
  assert.deepEqual(found.map(({ id }) => id).sort(), ['CVE-1', 'CVE-2', 'DSA-2']);
});

test('an ignore file names vulnerabilities, packages, and the day until it holds', async () => {
  const affected = [affects('npm', 'a', { introduced: '0' })];
  const [found] = await match(
    [{ id: 'GHSA-1', aliases: ['CVE-1'], affected }],
    packageOf('npm', 'a', '1.0.0'),
  );
  const ignores = (text: string): boolean =>
    isIgnored(found!, parseIgnored(text, 'f', Date.parse('2026-06-01')));
  assert.ok(ignores('# reasons\n\nGHSA-1 # not reachable') && ignores('CVE-1 package=a exp:2026-06-02'));
  assert.ok(!ignores('CVE-2') && !ignores('CVE-1 package=b') && !ignores('CVE-1 exp:2026-06-01'));
  assert.throws(
    () => parseIgnored('CVE-1\nCVE-2 until tomorrow', 'f'),
    /Line 2 of f cannot be understood: until/,
  );
});

test('a record of nonsense affects nothing', async () => {
  const about = { package: { ecosystem: 'npm', name: 'a' } };
  const nonsense = [
    { ...about, ranges: null, versions: '1.0.0' },
    { ...about, ranges: [null, {}, { type: 'SEMVER', events: [null, { introduced: 1 }, 'x'] }] },
    null,
  ] as unknown as OsvAffected[];
  const severity = [null, { type: 'CVSS_V3', score: 3 }] as unknown as OsvRecord['severity'];
  const record = { id: 'X', affected: nonsense, severity: severity! };
  assert.deepEqual(await match([record], packageOf('npm', 'a', '1.0.0')), []);
});
