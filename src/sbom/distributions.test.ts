import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { RootView } from '../snapshot/root-view.ts';
import { fc } from '../util/property.ts';
import { readDistribution } from './distribution.ts';
import { findDpkg } from './dpkg.ts';
import { takeInventory } from './inventory.ts';
import { directoryOf, inventoryOf, purlsOf } from './testing.ts';

const has = (...command: [string, ...string[]]) => spawnSync(command[0], command.slice(1)).status === 0;

test('dpkg and we know the same packages of this machine, with the packages they were built from', {
  skip: has('dpkg-query', '--version') ? false : 'needs dpkg',
}, () => {
  // biome-ignore lint/suspicious/noTemplateCurlyInString: dpkg's own way to name fields
  const format = '${db:Status-Abbrev}|${Package}|${Version}|${source:Package}|${source:Version}\n';
  const expected = execFileSync('dpkg-query', ['-W', '-f', format], { encoding: 'utf8', maxBuffer: 1 << 24 })
    .split('\n')
    .filter(line => /^.i/.test(line))
    .map(line => line.slice(line.indexOf('|') + 1));
  const tree = new RootView(['/']);
  const found = findDpkg(tree, readDistribution(tree)).map(({ name, version, source }) =>
    [name, version, source!.name, source!.version].join('|'),
  );
  assert.deepEqual(found.sort(), expected.sort());
});

const osRelease = 'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nID=debian\nVERSION_ID="12"\n';
const libc = `Package: libc6
Status: install ok installed
Architecture: amd64
Source: glibc
Version: 2.36-9
Description: shared libraries
 of the GNU C library
`;

test('a package of dpkg comes with the layer that has the list of its files', async () => {
  const removed = 'Package: gone\nStatus: deinstall ok config-files\nVersion: 1\nArchitecture: all\n';
  const added = 'Package: app\nStatus: install ok installed\nVersion: 1:2~rc+b1\nArchitecture: all\n';
  const { packages, distribution } = await inventoryOf(
    {
      'etc/os-release': osRelease,
      'var/lib/dpkg/status': libc,
      'var/lib/dpkg/info/libc6:amd64.list': '/.\n',
      'usr/share/doc/libc6/copyright': 'On Debian see /usr/share/common-licenses/LGPL-2.1.\n',
    },
    {
      'var/lib/dpkg/status': `${libc}\n${removed}\n${added}`,
      'var/lib/dpkg/info/app.list': '/.\n',
      'usr/share/doc/app/copyright':
        'Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n\nFiles: *\nLicense: GPL-2+ or Expat\n\nFiles: b\nLicense: BSD-3-clause\n text\n',
    },
  );
  assert.deepEqual(distribution, {
    id: 'debian',
    version: '12',
    name: 'Debian GNU/Linux 12 (bookworm)',
  });
  const place = '/var/lib/dpkg/status';
  assert.deepEqual(packages, [
    {
      type: 'deb',
      name: 'app',
      version: '1:2~rc+b1',
      purl: 'pkg:deb/debian/app@1:2~rc+b1?arch=all&distro=debian-12',
      source: { name: 'app', version: '1:2~rc+b1' },
      licenses: ['BSD-3-Clause', 'GPL-2.0-or-later OR MIT'],
      locations: [{ path: place, layer: 1 }],
    },
    {
      type: 'deb',
      name: 'libc6',
      version: '2.36-9',
      purl: 'pkg:deb/debian/libc6@2.36-9?arch=amd64&distro=debian-12&upstream=glibc',
      source: { name: 'glibc', version: '2.36-9' },
      licenses: ['LGPL-2.1-only'],
      locations: [{ path: place, layer: 0 }],
    },
  ]);
});

test('images without dpkg have its records one a file', async () => {
  const { packages } = await inventoryOf({
    'etc/os-release': osRelease,
    'var/lib/dpkg/status.d/libc6': libc.replace(/^Status.*\n/m, ''),
    'var/lib/dpkg/status.d/libc6.md5sums': 'Package: none\nVersion: 1\n',
  });
  assert.deepEqual(
    packages.map(({ purl, locations }) => [purl, locations[0]!.path]),
    [
      [
        'pkg:deb/debian/libc6@2.36-9?arch=amd64&distro=debian-12&upstream=glibc',
        '/var/lib/dpkg/status.d/libc6',
      ],
    ],
  );
});

test('packages of apk, each with the layer of its first file', async () => {
  const musl =
    'C:Q1x=\nP:musl\nV:1.2.5-r0\nA:x86_64\nL:MIT\no:musl\nF:lib\nR:ld-musl-x86_64.so.1\na:0:0:755\n';
  const ssl = 'P:libssl3\nV:3.3.0-r2\nA:x86_64\nL:Apache-2.0\no:openssl\nF:lib\nR:libssl.so.3\n';
  const { packages } = await inventoryOf(
    {
      'etc/os-release': 'ID=alpine\nVERSION_ID=3.20.0\n',
      'lib/apk/db/installed': `${musl}\n`,
      'lib/ld-musl-x86_64.so.1': 'x',
    },
    { 'lib/apk/db/installed': `${musl}\n${ssl}\n`, 'lib/libssl.so.3': 'x' },
  );
  assert.deepEqual(
    packages.map(({ purl, licenses, locations }) => [purl, licenses, locations[0]!.layer]),
    [
      [
        'pkg:apk/alpine/libssl3@3.3.0-r2?arch=x86_64&distro=alpine-3.20.0&upstream=openssl',
        ['Apache-2.0'],
        1,
      ],
      ['pkg:apk/alpine/musl@1.2.5-r0?arch=x86_64&distro=alpine-3.20.0', ['MIT'], 0],
    ],
  );
});

const spec = `Name: tool
Epoch: 2
Version: 1.5
Release: 3.el9
Summary: a tool
License: MIT and BSD
BuildArch: noarch
%description
none
%install
mkdir -p %{buildroot}/opt/tool && echo x >%{buildroot}/opt/tool/file
%files
/opt/tool/file
`;

test('packages in a database that rpm itself wrote', {
  skip: has('rpmbuild', '--version') ? false : 'needs rpmbuild, which is not installed',
}, async () => {
  const directory = directoryOf({
    'tool.spec': spec,
    'root/etc/os-release': 'ID=rocky\nVERSION_ID=9.4\n',
    'root/opt/tool/file': 'x\n',
  });
  const top = join(directory, 'build');
  const database = join(directory, 'root/var/lib/rpm');
  mkdirSync(database, { recursive: true });
  execFileSync('rpmbuild', ['-bb', '--define', `_topdir ${top}`, join(directory, 'tool.spec')], {
    stdio: 'ignore',
  });
  const file = join(top, 'RPMS/noarch/tool-1.5-3.el9.noarch.rpm');
  execFileSync('rpm', ['--dbpath', database, '-i', '--justdb', '--nodeps', '--ignoreos', file], {
    stdio: 'ignore',
  });
  const { packages, gaps } = await takeInventory({
    tree: new RootView([join(directory, 'root')]),
    layerOf: path => (path === '/opt/tool/file' ? 7 : 0),
  });
  assert.deepEqual(gaps, []);
  assert.deepEqual(packages, [
    {
      type: 'rpm',
      name: 'tool',
      version: '2:1.5-3.el9',
      purl: 'pkg:rpm/rocky/tool@1.5-3.el9?arch=noarch&distro=rocky-9.4&epoch=2&upstream=tool-1.5-3.el9.src.rpm',
      source: { name: 'tool', version: '1.5-3.el9' },
      licenses: ['MIT and BSD'],
      locations: [{ path: '/var/lib/rpm/rpmdb.sqlite', layer: 7 }],
    },
  ]);
  // A database that ends in the middle is told of, and is no failure.
  const bytes = readFileSync(join(database, 'rpmdb.sqlite'));
  const { gaps: told } = await inventoryOf({ 'var/lib/rpm/rpmdb.sqlite': bytes.subarray(0, 3000) });
  assert.match(told.join(), /^The RPM database \/var\/lib\/rpm\/rpmdb.sqlite is damaged/);
});

/** Of the packages tool and tool-many: by rpm 4.20 and by Berkeley DB's own tool; tool-gone was removed again. */
const rpmFiles = ['Packages', 'Packages.db'].map((name): [string, Buffer] => [
  name,
  gunzipSync(readFileSync(new URL(`fixtures/${name}.gz`, import.meta.url))),
]);

test("databases of rpm's older formats", async () => {
  for (const [name, bytes] of rpmFiles) {
    const { packages, gaps } = await inventoryOf({ [`usr/lib/sysimage/rpm/${name}`]: bytes });
    assert.deepEqual(gaps, []);
    assert.deepEqual(
      packages.map(each => [each.name, each.version, each.licenses]),
      [
        ['tool-many', '2:1.5-3.el9', ['MIT and BSD']],
        ['tool', '2:1.5-3.el9', ['MIT and BSD']],
      ],
      name,
    );
  }
});

test('damaged databases of rpm are told of, or read as far as they go', async () => {
  const { gaps } = await inventoryOf({ 'var/lib/rpm/Packages': 'BerkeleyDB' });
  assert.match(gaps.join(), /^The RPM database \/var\/lib\/rpm\/Packages is damaged/);
  for (const [name, bytes] of rpmFiles) {
    const damage = fc.record({
      end: fc.nat(bytes.length),
      place: fc.nat(bytes.length - 4),
      value: fc.constantFrom(0, 1, 0xff, 0xffff_ffff),
    });
    const root = directoryOf({ [`var/lib/rpm/${name}`]: bytes });
    const tree = new RootView([root]);
    await fc.assert(
      fc.asyncProperty(damage, fc.boolean(), async ({ end, place, value }, cuts) => {
        const changed = Buffer.from(bytes);
        changed.writeUInt32LE(value, place);
        writeFileSync(join(root, 'var/lib/rpm', name), cuts ? changed.subarray(0, end) : changed);
        const { packages } = await takeInventory({ tree });
        assert.ok(packages.length <= 2);
      }),
      { numRuns: 150 },
    );
  }
});

test('an image with none of all this has no packages', async () => {
  assert.deepEqual(await purlsOf({ 'etc/passwd': 'root' }), []);
});
