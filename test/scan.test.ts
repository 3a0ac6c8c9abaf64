import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { needs } from './support/needs.ts';
import { Workspace } from './support/workspace.ts';

const files = {
  Dockerfile: `FROM scratch
COPY base /
COPY app /app
`,
  'base/etc/os-release': 'ID=debian\nVERSION_ID="12"\n',
  'base/var/lib/dpkg/status.d/libc6': 'Package: libc6\nSource: glibc\nVersion: 2.36-9\nArchitecture: amd64\n',
  'app/node_modules/left/package.json': '{"name":"left","version":"1.3.0"}',
};

const records = [
  {
    id: 'DEBIAN-CVE-2026-1',
    upstream: ['CVE-2026-1'],
    summary: 'A buffer overflows',
    affected: [
      {
        package: { ecosystem: 'Debian:12', name: 'glibc' },
        ranges: [{ type: 'ECOSYSTEM', events: [{ introduced: '0' }, { fixed: '2.36-9+deb12u1' }] }],
      },
    ],
    severity: [{ type: 'CVSS_V3', score: 'CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H' }],
  },
  {
    id: 'GHSA-left',
    affected: [
      {
        package: { ecosystem: 'npm', name: 'left' },
        ranges: [{ type: 'SEMVER', events: [{ introduced: '1.0.0' }] }],
      },
    ],
    database_specific: { severity: 'MODERATE' },
  },
];

describe('stagecraft scan', { skip: needs('root') }, () => {
  const work = new Workspace();
  const database = work.context(
    Object.fromEntries(records.map(record => [`Debian/${record.id}.json`, JSON.stringify(record)])),
  );
  const scan = (...args: string[]): ReturnType<Workspace['stagecraft']> =>
    work.stagecraft(['scan', '--db', database, ...args, 'app']);

  test('tells what is known of the packages, with the step that brought each', async () => {
    await work.ok('build', '-q', '-t', 'app', work.context(files));
    const { stdout, code, stderr } = await scan();
    assert.equal(code, 0, stderr);
    const lines = stdout.split('\n').map(line => line.trim().split(/\s{2,}/));
    assert.deepEqual(lines, [
      ['SEVERITY', 'ID', 'PACKAGE', 'VERSION', 'FIXED IN', 'BROUGHT BY'],
      [
        'critical 9.8',
        'CVE-2026-1',
        'libc6',
        '2.36-9',
        '2.36-9+deb12u1',
        'Dockerfile:2 COPY base / # buildkit',
      ],
      ['medium', 'GHSA-left', 'left', '1.3.0', 'Dockerfile:3 COPY app /app # buildkit'],
      [''],
      ['app:latest, 2 packages: 1 critical, 1 medium'],
      [''],
    ]);
  });

  test('the exit code tells of a severity, once the rest is left out', async () => {
    assert.equal((await scan('--fail-on', 'critical')).code, 2);
    assert.equal((await scan('--fail-on', 'medium', '--severity', 'low,high')).code, 0);
    assert.equal((await scan('--fail-on', 'medium', '--severity', 'medium', '--ignore-unfixed')).code, 0);
    const ignore = work.path('ignore');
    writeFileSync(ignore, 'CVE-2026-1 package=glibc # not reachable\n');
    const { code, stdout } = await scan('--fail-on', 'high', '--ignore-file', ignore);
    assert.equal(code, 0);
    assert.match(stdout, /: 1 medium; 1 ignored\n$/);
  });

  test('JSON and SARIF say the same', async () => {
    const json = JSON.parse((await scan('--format', 'json')).stdout);
    const [first] = json.vulnerabilities;
    assert.deepEqual(
      [first.id, first.score, first.fixed, first.package.name, first.layer.createdBy],
      ['CVE-2026-1', 9.8, '2.36-9+deb12u1', 'libc6', 'COPY base / # buildkit'],
    );
    const [{ results, tool }] = JSON.parse((await scan('--format', 'sarif')).stdout).runs;
    assert.deepEqual(
      results.map(({ ruleId, level }: { ruleId: string; level: string }) => [ruleId, level]),
      [
        ['CVE-2026-1', 'error'],
        ['GHSA-left', 'warning'],
      ],
    );
    assert.equal(tool.driver.rules[0].properties['security-severity'], '9.8');
    const [{ locations, relatedLocations }] = results;
    assert.deepEqual(locations[0].physicalLocation, {
      artifactLocation: { uri: 'Dockerfile' },
      region: { startLine: 2 },
    });
    assert.equal(relatedLocations[0].physicalLocation.artifactLocation.uri, 'var/lib/dpkg/status.d/libc6');
  });

  test('provenance tells the line of an image that was built elsewhere', async () => {
    const dockerfile = 'FROM scratch AS one\n\nWORKDIR /srv\nCOPY app /srv\nFROM scratch\nCOPY base /\n';
    const more = work.context({ ...files, Dockerfile: dockerfile });
    const archive = work.path('more.tar');
    const elsewhere = { env: { STAGECRAFT_ROOT: work.path('elsewhere') } };
    await work.ok(
      'build',
      '--provenance',
      'true',
      '--target',
      'one',
      '-o',
      `type=oci,dest=${archive}`,
      '-t',
      'more',
      more,
    );
    assert.equal((await work.stagecraft(['load', '-i', archive], elsewhere)).code, 0);
    const { stdout } = await work.stagecraft(
      ['scan', '--db', database, '--format', 'json', 'more'],
      elsewhere,
    );
    assert.deepEqual(
      JSON.parse(stdout).vulnerabilities.map((each: { id: string; layer: { origin: object } }) => [
        each.id,
        each.layer.origin,
      ]),
      [['GHSA-left', { file: 'Dockerfile', line: 4 }]],
    );
  });

  test('wrong words and places are told of', async () => {
    assert.match((await scan('--severity', 'grave')).stderr, /"grave" of --severity is no severity/);
    assert.match((await work.stagecraft(['scan', 'app'])).stderr, /needs a copy of the OSV database/);
    assert.match(
      (await work.stagecraft(['scan', '--db', work.path('no'), 'app'])).stderr,
      /There is no OSV database/,
    );
    assert.match((await scan('--ignore-file', work.path('no'))).stderr, /The ignore file .* cannot be read/);
  });
});
