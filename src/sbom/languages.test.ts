import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { deflateSync } from 'node:zlib';
import { readSections } from '../files/elf.ts';
import { makeElf } from '../files/testing.ts';
import { RootView } from '../snapshot/root-view.ts';
import { fc } from '../util/property.ts';
import { takeInventory } from './inventory.ts';
import { directoryOf, inventoryOf, makeZip, purlsOf } from './testing.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

test('npm and we know the same packages of this checkout', async () => {
  const lock = JSON.parse(readFileSync(join(root, 'node_modules/.package-lock.json'), 'utf8'));
  const entries = Object.entries<{ version: string; name?: string; link?: boolean }>(lock.packages);
  const expected = entries
    .filter(([path, { link }]) => !link && existsSync(join(root, path, 'package.json')))
    .map(([path, { version, name }]) => `${name ?? path.replace(/^.*node_modules\//, '')} ${version}`);
  const { packages } = await takeInventory({ tree: new RootView([root]) });
  const bundled = new Set(
    packages.filter(({ type }) => type === 'npm').map(({ name, version }) => `${name} ${version}`),
  );
  for (const each of new Set(expected)) assert.ok(bundled.has(each), each);
  const yaml = packages.find(({ name }) => name === 'yaml')!;
  assert.deepEqual(yaml.licenses, ['ISC']);
  assert.deepEqual(yaml.locations, [{ path: '/node_modules/yaml/package.json' }]);
});

test('what is a manifest of no package is none', async () => {
  const found = await inventoryOf(
    {
      'app/package.json': '{"name":"app","version":"1.0.0"}',
      'app/node_modules/a/package.json': '{"name":"a","version":"1.0.0","license":{"type":"MIT"}}',
      'app/node_modules/a/esm/package.json': '{"type":"module","name":"a-esm","version":"1"}',
      'app/node_modules/@s/b/package.json':
        '{"name":"@s/b","version":"2.0.0","licenses":[{"type":"MIT"},"ISC"]}',
      'app/node_modules/broken/package.json': '{',
      'app/node_modules/hostile/package.json': '{"name":" ","version":"1"}',
    },
    { 'app/node_modules/c/node_modules/a/package.json': '{"name":"a","version":"1.0.0"}' },
  );
  assert.deepEqual(
    found.packages.map(({ purl, licenses, locations }) => [
      purl,
      licenses,
      locations.map(each => each.layer),
    ]),
    [
      ['pkg:npm/%40s/b@2.0.0', ['MIT OR ISC'], [0]],
      ['pkg:npm/a@1.0.0', ['MIT'], [0, 1]],
    ],
  );
});

test('distributions of Python, as wheels and eggs have them', async () => {
  const found = await inventoryOf({
    'usr/lib/python3/dist-packages/Zope.Interface-5.dist-info/METADATA':
      'Metadata-Version: 2.1\nName: Zope.Interface\nVersion: 5.0\nLicense: ZPL 2.1\n\nName: not-this\n',
    'opt/app/six.egg-info':
      'Name: six\nVersion: 1.16.0\nClassifier: License :: OSI Approved :: MIT License\n',
    'opt/app/new.dist-info/METADATA': 'Name: new_er\nVersion: 1\nLicense-Expression: MIT OR Apache-2.0\n',
  });
  assert.deepEqual(
    found.packages.map(({ purl, licenses }) => [purl, licenses]),
    [
      ['pkg:pypi/new-er@1', ['MIT OR Apache-2.0']],
      ['pkg:pypi/six@1.16.0', ['MIT License']],
      ['pkg:pypi/zope-interface@5.0', ['ZPL 2.1']],
    ],
  );
});

const listDistributions =
  'import importlib.metadata as m; print("\\n".join(d.metadata["Name"].lower().replace("_","-").replace(".","-")+"@"+d.version for d in m.distributions(path=["/usr/lib/python3/dist-packages"])))';
const hasPython = spawnSync('/usr/bin/python3', ['-c', listDistributions]).status === 0;

test('Python and we know the same distributions of this machine', {
  skip: hasPython && existsSync('/usr/lib/python3/dist-packages') ? false : 'needs python3',
}, async () => {
  const expected = execFileSync('/usr/bin/python3', ['-c', listDistributions], { encoding: 'utf8' });
  const { packages } = await takeInventory({ tree: new RootView(['/usr/lib/python3/dist-packages']) });
  const found = packages.map(({ purl }) => decodeURIComponent(purl.replace('pkg:pypi/', '')));
  for (const each of expected.trim().split('\n')) if (each) assert.ok(found.includes(each), each);
});

test('the standard library of a Go program, here of skopeo as Debian built it', {
  skip: existsSync('/usr/bin/skopeo') ? false : 'needs skopeo, which is not installed',
}, async () => {
  const purls = await purlsOf({ 'usr/bin/skopeo': readFileSync('/usr/bin/skopeo') });
  assert.ok(
    purls.some(purl => /^pkg:golang\/stdlib@1\.\d+/.test(purl)),
    purls.join(),
  );
});

const modules =
  'path\texample.org/cmd\nmod\texample.org/cmd\t(devel)\t\ndep\tgolang.org/x/text\tv0.3.0\th1:a=\ndep\texample.org/old\tv1.0.0\n=>\texample.org/fork\tv1.0.1\th1:b=\nbuild\t-compiler=gc\n';
const mark = 'm'.repeat(16);
const goPurls = [
  'pkg:golang/example.org/cmd',
  'pkg:golang/example.org/fork@v1.0.1',
  'pkg:golang/golang.org/x/text@v0.3.0',
  'pkg:golang/stdlib@1.22.1',
];

test('modules of a Go program that has them inline', async () => {
  const counted = (text: string) => {
    const length = Buffer.byteLength(text);
    const bytes = length < 128 ? [length] : [(length & 0x7f) | 0x80, length >> 7];
    return Buffer.from(bytes).toString('latin1') + text;
  };
  const head = `\xff Go buildinf:\x08\x02${'\0'.repeat(16)}`;
  const section = head + counted('go1.22.1') + counted(`${mark}${modules}${mark}`);
  assert.deepEqual(await purlsOf({ program: makeElf({ sections: { '.go.buildinfo': section } }) }), goPurls);
});

test('modules of a Go program that points to them, in either byte order and width', async () => {
  for (const bits of [32, 64] as const)
    for (const little of [true, false]) {
      const size = bits / 8;
      const pointer = (value: number): string => {
        const bytes = Buffer.alloc(size);
        if (little) bytes.writeUInt32LE(value);
        else bytes.writeUInt32BE(value, size - 4);
        return bytes.toString('latin1');
      };
      const version = 'go1.22.1';
      const text = `${mark}${modules}${mark}`;
      // The strings' headers, then what they point to, stand behind the 32 bytes of the section.
      const make = (base: number): Buffer => {
        const headers = base + 32;
        const data = headers + 4 * size;
        const head = `\xff Go buildinf:${String.fromCharCode(size, little ? 0 : 1)}${pointer(headers)}${pointer(headers + 2 * size)}`;
        const strings =
          pointer(data) + pointer(version.length) + pointer(data + version.length) + pointer(text.length);
        return makeElf({
          bits,
          little,
          sections: { '.go.buildinfo': head.padEnd(32, '\0') + strings + version + text },
        });
      };
      const fd = openSync(join(directoryOf({ program: make(0) }), 'program'), 'r');
      const { offset } = readSections(fd).get('.go.buildinfo')!;
      closeSync(fd);
      assert.deepEqual(await purlsOf({ program: make(0x10000 + offset) }), goPurls, `${bits} ${little}`);
    }
});

test('crates of a Rust program that cargo auditable noted, without those of its build', async () => {
  const list = {
    packages: [
      { name: 'serde', version: '1.0.200', source: 'crates.io' },
      { name: 'cc', version: '1.0.0', source: 'crates.io', kind: 'build' },
      { name: 'app', version: '0.1.0', source: 'local', root: true, dependencies: [0] },
    ],
  };
  const section = deflateSync(JSON.stringify(list)).toString('latin1');
  assert.deepEqual(await purlsOf({ 'bin/app': makeElf({ sections: { '.dep-v0': section } }) }), [
    'pkg:cargo/app@0.1.0',
    'pkg:cargo/serde@1.0.200',
  ]);
  assert.deepEqual(await purlsOf({ app: makeElf({ sections: { '.dep-v0': 'broken' } }) }), []);
});

const properties = (group: string, artifact: string, version: string) => ({
  [`META-INF/maven/${group}/${artifact}/pom.properties`]: `#Created\r\ngroupId=${group}\r\nartifactId=${artifact}\r\nversion=${version}\r\n`,
});

test('artifacts of Java archives, and of those within', async () => {
  const plain = makeZip({
    'META-INF/MANIFEST.MF':
      'Manifest-Version: 1.0\r\nBundle-SymbolicName: org.example.\r\n plain;singleton:=true\r\nImplementation-Version: 2.1\r\nBundle-License: Apache-2.0;link="x"\r\n\r\nName: x\r\nImplementation-Version: 9\r\n',
  });
  const made = makeZip({
    'META-INF/MANIFEST.MF': 'Manifest-Version: 1.0\n',
    ...properties('com.example', 'lib', '1.2.3'),
    'META-INF/maven/com.example/lib/pom.xml':
      '<project><licenses><license><name>MIT License</name></license></licenses></project>',
    ...properties('org.shaded', 'inner', '4'),
  });
  const war = makeZip({ 'WEB-INF/web.xml': '<x/>', 'WEB-INF/lib/lib-1.2.3.jar': made });
  const { packages } = await inventoryOf({ 'srv/app.war': war, 'opt/plain.jar': plain });
  assert.deepEqual(
    packages.map(({ purl, licenses, locations }) => [purl, licenses, locations[0]!.path]),
    [
      ['pkg:maven/com.example/lib@1.2.3', ['MIT License'], '/srv/app.war!WEB-INF/lib/lib-1.2.3.jar'],
      ['pkg:maven/org.example/plain@2.1', ['Apache-2.0'], '/opt/plain.jar'],
      ['pkg:maven/org.shaded/inner@4', [], '/srv/app.war!WEB-INF/lib/lib-1.2.3.jar'],
    ],
  );
});

const debianJar = '/usr/share/java/commons-lang3.jar';

test('the artifact of a library of Java as Debian packs it', {
  skip: existsSync(debianJar) ? false : 'needs libcommons-lang3-java',
}, async () => {
  const [purl] = await purlsOf({ 'app/commons-lang3.jar': readFileSync(debianJar) });
  assert.match(purl!, /^pkg:maven\/org\.apache\.commons\/commons-lang3@3\.\d+/);
});

test('damaged archives and programs are passed over', async () => {
  const files = [
    makeZip({ 'META-INF/MANIFEST.MF': 'Implementation-Version: 1\n', ...properties('a', 'b', '1') }),
    makeElf({
      sections: {
        '.go.buildinfo': `\xff Go buildinf:\x08\x02${'\0'.repeat(16)}\x08go1.22.1`,
        '.dep-v0': 'x',
      },
    }),
  ];
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...files),
      fc.array(fc.tuple(fc.nat(1000), fc.nat(255)), { maxLength: 8 }),
      fc.nat(1000),
      async (good, changes, length) => {
        const bytes = Buffer.from(good.subarray(0, Math.max(64, length)));
        for (const [at, value] of changes) if (at < bytes.length) bytes[at] = value;
        await inventoryOf({ 'a.jar': bytes, program: bytes });
      },
    ),
    { numRuns: 100 },
  );
});
