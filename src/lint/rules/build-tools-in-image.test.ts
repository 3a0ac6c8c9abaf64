import assert from 'node:assert/strict';
import { test } from 'node:test';
import { check, findings, imageOf } from '../testing.ts';
import { buildToolsInImage, buildToolsInstalled } from './build-tools-in-image.ts';

const of = (run: string) => check(buildToolsInstalled, `FROM debian:12\n${run}\n`);

test('Compilers that a RUN of the final image installs are found', async () => {
  assert.deepEqual(await of('RUN apt-get update && apt-get install -y gcc g++ curl'), [
    '2:23 "gcc", "g++" stay in the final image; build in a stage of its own, and copy what runs',
  ]);
  for (const run of [
    'RUN apk add --no-cache build-base',
    'RUN apt-get install -y gcc=4:12.2.0-3',
    'RUN apt-get install build-essential',
  ])
    assert.equal((await of(run)).length, 1, run);
});

test('Removed in the same RUN, or in a stage that is thrown away, they are fine', async () => {
  for (const run of [
    'RUN apt-get install -y gcc && make && apt-get purge -y gcc',
    'RUN apk add --virtual .deps gcc && make && apk del .deps',
    'RUN apt-get install -y curl libgcc-s1',
    'RUN gcc -o a a.c',
  ])
    assert.deepEqual(await of(run), [], run);
  const thrown = 'FROM debian:12 AS b\nRUN apt-get install -y gcc\nFROM debian:12\nCOPY --from=b /a /a\n';
  assert.deepEqual(await check(buildToolsInstalled, thrown), []);
});

const stanza = (name: string, size: number, status = 'install ok installed') =>
  `Package: ${name}\nStatus: ${status}\nInstalled-Size: ${size}\nDescription: x\n more\n`;

test('The records of the package managers tell what is in the image, and how much', async () => {
  const status = [
    stanza('bash', 100),
    stanza('gcc-12', 50_000),
    stanza('libc6-dev', 10_000),
    stanza('g++', 9, 'deinstall ok config-files'),
  ];
  const tree = { 'var/lib/dpkg/status': status.join('\n') };
  assert.deepEqual(await findings(buildToolsInImage, await imageOf('FROM a:1\n', tree)), [
    '1:1 The image has 2 packages to develop with, 61.4 MB in all: gcc-12; build in a stage of its own, and copy what runs into a base without them',
  ]);
  const apk = { 'lib/apk/db/installed': 'C:x\nP:musl\nI:600\n\nP:gcc\nV:14\nI:140000000\n' };
  const [found] = await findings(buildToolsInImage, await imageOf('FROM a:1\nRUN ./setup apk\n', apk));
  assert.match(found!, /^2:1 The image has 1 package to develop with, 140 MB in all: gcc;/);
});

test('Toolchains without a package are found where their images have them', async () => {
  const tree = { 'usr/local/go/bin/go': 'x'.repeat(3_000_000), 'usr/local/go/src/a': '' };
  assert.deepEqual(await findings(buildToolsInImage, await imageOf('FROM golang:1\n', tree)), [
    '1:1 The image has the Go toolchain, 3.0 MB in /usr/local/go; build in a stage of its own, and copy what runs into a base without it',
  ]);
});

test('What runs is no tool to build', async () => {
  const status = ['libgcc-s1', 'gcc-12-base', 'libc6', 'libstdc++6', 'python3', 'make'].map(name =>
    stanza(name, 1),
  );
  assert.deepEqual(
    await findings(
      buildToolsInImage,
      await imageOf('FROM a:1\n', { 'var/lib/dpkg/status': status.join('\n') }),
    ),
    [],
  );
  assert.deepEqual(await findings(buildToolsInImage, await imageOf('FROM scratch\nCOPY a /\n', {})), []);
});

test('What the text tells is told once', async () => {
  const tree = { 'var/lib/dpkg/status': stanza('gcc', 1) };
  assert.deepEqual(
    await findings(buildToolsInImage, await imageOf('FROM a:1\nRUN apt-get install -y gcc\n', tree)),
    [],
  );
});
