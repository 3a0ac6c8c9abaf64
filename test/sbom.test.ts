import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { needs } from './support/needs.ts';
import { Workspace } from './support/workspace.ts';

const dockerfile = `FROM scratch
COPY base /
COPY app /app
`;

const files = {
  Dockerfile: dockerfile,
  'base/etc/os-release': 'ID=debian\nVERSION_ID="12"\nPRETTY_NAME="Debian 12"\n',
  'base/var/lib/dpkg/status.d/libc6': 'Package: libc6\nSource: glibc\nVersion: 2.36-9\nArchitecture: amd64\n',
  'app/node_modules/left/package.json': '{"name":"left","version":"1.3.0","license":"MIT"}',
};

describe('stagecraft sbom', { skip: needs('root') }, () => {
  const work = new Workspace();

  test('lists the packages of an image, each with the layer that brought it', async () => {
    await work.ok('build', '-q', '-t', 'app', work.context(files));
    const table = await work.ok('sbom', '--format', 'table', 'app');
    const lines = table.split('\n').map(line => line.trim().split(/\s{2,}/));
    const [{ RootFS }] = JSON.parse(await work.ok('inspect', 'app'));
    const layers = RootFS.Layers.map((layer: string) => layer.slice('sha256:'.length, 'sha256:'.length + 12));
    assert.deepEqual(lines.slice(0, 3), [
      ['NAME', 'VERSION', 'TYPE', 'LAYER', 'LICENSES'],
      ['libc6', '2.36-9', 'deb', layers[0]],
      ['left', '1.3.0', 'npm', layers[1], 'MIT'],
    ]);
  });

  test('the documents are of this image, and the same each time', async () => {
    const [{ Created }] = JSON.parse(await work.ok('inspect', 'app'));
    const spdx = await work.ok('sbom', 'app');
    assert.equal(await work.ok('sbom', 'app'), spdx);
    const document = JSON.parse(spdx);
    assert.equal(document.name, 'app:latest');
    assert.equal(Date.parse(document.creationInfo.created), Math.floor(Date.parse(Created) / 1000) * 1000);
    assert.deepEqual(
      document.packages
        .flatMap((each: { externalRefs?: { referenceLocator: string }[] }) =>
          (each.externalRefs ?? []).map(({ referenceLocator }) => referenceLocator),
        )
        .slice(1),
      ['pkg:deb/debian/libc6@2.36-9?arch=amd64&distro=debian-12&upstream=glibc', 'pkg:npm/left@1.3.0'],
    );
    const other = await work.stagecraft(['sbom', '--format', 'cyclonedx-json', 'app'], {
      env: { SOURCE_DATE_EPOCH: '1700000000' },
    });
    assert.equal(JSON.parse(other.stdout).metadata.timestamp, '2023-11-14T22:13:20Z');
  });

  test('an image that is not there, and a format that does not exist, are told of', async () => {
    const missing = await work.stagecraft(['sbom', 'none']);
    assert.equal(missing.code, 1);
    assert.match(missing.stderr, /There is no image none/);
    const strange = await work.stagecraft(['sbom', '--format', 'xml', 'app']);
    assert.match(strange.stderr, /There is no format xml/);
  });
});
