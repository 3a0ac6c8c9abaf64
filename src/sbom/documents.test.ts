import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DocumentOptions } from './document.ts';
import { formatDocument } from './format.ts';
import { toLicensing } from './licenses.ts';
import type { Inventory } from './types.ts';

const inventory: Inventory = {
  distribution: { id: 'debian', version: '12', name: 'Debian 12' },
  packages: [
    {
      type: 'deb',
      name: 'libc6',
      version: '2.36-9',
      purl: 'pkg:deb/debian/libc6@2.36-9',
      source: { name: 'glibc', version: '2.36-9' },
      licenses: ['GPL-2.0-only', 'public domain'],
      locations: [{ path: '/var/lib/dpkg/status', layer: 0 }],
    },
    {
      type: 'npm',
      name: '@s/b',
      version: '1.0.0',
      purl: 'pkg:npm/%40s/b@1.0.0',
      licenses: ['MIT OR ISC'],
      locations: [{ path: '/app/node_modules/@s/b/package.json', layer: 1 }],
    },
  ],
  gaps: ['Something was not read.'],
};

const options: DocumentOptions = {
  name: 'registry.example.com/team/app:1',
  digest: `sha256:${'a'.repeat(64)}`,
  layers: [`sha256:${'b'.repeat(64)}`, `sha256:${'c'.repeat(64)}`],
  architecture: 'amd64',
  created: '2024-01-02T03:04:05Z',
  version: '1.2.3',
};

test('licences become one expression, with references for what SPDX does not know', () => {
  assert.deepEqual(toLicensing([]), { references: new Map() });
  assert.equal(toLicensing(['MIT OR ISC']).expression, 'MIT OR ISC');
  assert.equal(toLicensing(['MIT OR ISC', 'Zlib']).expression, '(MIT OR ISC) AND Zlib');
  assert.equal(toLicensing(['ISC AND MIT', 'MIT', 'ISC']).expression, 'ISC AND MIT');
  const { expression, references } = toLicensing(['Zlib', 'their own']);
  assert.match(expression!, /^Zlib AND LicenseRef-their-own-[0-9a-f]{8}$/);
  assert.deepEqual([...references.values()], ['their own']);
});

test('SPDX: the image contains its packages', async () => {
  // biome-ignore lint/suspicious/noExplicitAny: a document of another standard
  const document = (await formatDocument('spdx-json', inventory, options)) as any;
  assert.equal(document.spdxVersion, 'SPDX-2.3');
  assert.deepEqual(document.creationInfo, {
    created: options.created,
    creators: ['Tool: stagecraft-1.2.3'],
    comment: 'Something was not read.',
  });
  const [image, system, libc, npm] = document.packages;
  assert.equal(
    image.externalRefs[0].referenceLocator,
    `pkg:oci/app@sha256:${'a'.repeat(64)}?arch=amd64&repository_url=registry.example.com%2Fteam%2Fapp`,
  );
  assert.equal(system.versionInfo, '12');
  assert.match(libc.licenseDeclared, /^GPL-2.0-only AND LicenseRef-public-domain-\w{8}$/);
  assert.equal(libc.comment, 'built from the source package glibc 2.36-9');
  assert.equal(
    npm.sourceInfo,
    `told of by /app/node_modules/@s/b/package.json, which came with the layer sha256:${'c'.repeat(64)}`,
  );
  assert.equal(document.hasExtractedLicensingInfos[0].extractedText, 'public domain');
  const ids = new Set(document.packages.map((each: { SPDXID: string }) => each.SPDXID));
  for (const { spdxElementId, relatedSpdxElement } of document.relationships)
    assert.ok([spdxElementId, relatedSpdxElement].every(id => id === 'SPDXRef-DOCUMENT' || ids.has(id)));
  assert.equal(document.relationships.length, 4);
});

test('CycloneDX: the image depends on its packages', async () => {
  // biome-ignore lint/suspicious/noExplicitAny: a document of another standard
  const document = (await formatDocument('cyclonedx-json', inventory, options)) as any;
  assert.equal(document.specVersion, '1.6');
  assert.equal(document.metadata.timestamp, options.created);
  const [, libc, npm] = document.components;
  assert.deepEqual(libc.licenses, [
    { license: { name: 'GPL-2.0-only' } },
    { license: { name: 'public domain' } },
  ]);
  assert.deepEqual([npm.group, npm.name, npm.licenses], ['@s', 'b', [{ expression: 'MIT OR ISC' }]]);
  assert.deepEqual(npm.properties[1], {
    name: 'stagecraft:location:0:layer',
    value: `sha256:${'c'.repeat(64)}`,
  });
  assert.equal(document.dependencies[0].dependsOn.length, 3);
});

test('the same image has the same document, and another image another', async () => {
  for (const format of ['spdx-json', 'cyclonedx-json'] as const) {
    const [one, same, other] = await Promise.all([
      formatDocument(format, inventory, options),
      formatDocument(format, structuredClone(inventory), { ...options }),
      formatDocument(format, { ...inventory, gaps: [] }, options),
    ]);
    assert.deepEqual(one, same);
    const name = (document: object) =>
      (document as { documentNamespace?: string; serialNumber?: string }).documentNamespace ??
      (document as { serialNumber?: string }).serialNumber;
    assert.match(
      name(one)!,
      /^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
    );
    assert.notEqual(name(one), name(other));
  }
});
