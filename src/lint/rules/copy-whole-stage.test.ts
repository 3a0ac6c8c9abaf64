import assert from 'node:assert/strict';
import { test } from 'node:test';
import { check } from '../testing.ts';
import { copyWholeStage as rule } from './copy-whole-stage.ts';

const of = (final: string) => check(rule, `FROM golang:1.24 AS build\nRUN go build -o /out/app\n${final}\n`);

test('A copy of all of a stage is found, at the word that says so', async () => {
  assert.deepEqual(await of('FROM debian:12\nCOPY --from=build / /'), [
    '4:19 COPY --from=build takes the whole stage "build", with its base, its tools and its caches; copy only what runs',
  ]);
  assert.deepEqual(await of('FROM debian:12\nWORKDIR /app\nCOPY --from=build . .'), [
    '5:19 COPY --from=build takes the whole stage "build" ("." is its root directory: WORKDIR does not matter to --from), with its base, its tools and its caches; copy only what runs',
  ]);
  for (const final of [
    'FROM scratch\nCOPY --from=build /* /',
    'FROM scratch\nCOPY --from=0 /out/.. /',
    'FROM scratch\nCOPY --from=alpine:3.22 / /',
    'FROM debian:12\nCOPY --from=build /out/app / /x/',
    'FROM debian:12 AS base\nCOPY --from=build / /\nFROM base\nCMD ["app"]',
    'ARG ROOT=/\nFROM scratch\nARG P=/\nCOPY --from=build $P /',
  ])
    assert.equal((await of(final)).length, 1, final);
});

test('Copies that together leave nearly nothing out are found', async () => {
  assert.deepEqual(
    await of(
      'FROM scratch\nCOPY --from=build /lib /lib\nCOPY --from=build /usr /usr\nCOPY --from=build /etc /etc',
    ),
    [
      '5:19 The copies from stage "build" together take nearly all of it, with its tools; copy only what runs',
    ],
  );
});

test('Copies of what is needed are fine', async () => {
  for (const final of [
    'FROM scratch\nCOPY --from=build /out/app /app',
    'FROM scratch\nCOPY --from=build /usr/share/zoneinfo /usr/share/zoneinfo\nCOPY --from=build /lib /lib',
    'FROM scratch\nCOPY --from=build /lib /lib\nCOPY --from=build /usr /usr',
    'FROM scratch\nCOPY . /',
    // Not in the final image.
    'FROM debian:12 AS x\nCOPY --from=build / /\nFROM scratch\nCOPY --from=x /out/app /app',
  ])
    assert.deepEqual(await of(final), [], final);
});

test('A stage on scratch that collects files may be copied whole', async () => {
  const collected = 'FROM scratch AS files\nCOPY --from=build /out/app /app\n';
  assert.deepEqual(await of(`${collected}FROM debian:12\nCOPY --from=files / /`), []);
  const everything = 'FROM scratch AS files\nCOPY --from=build / /\n';
  assert.equal((await of(`${everything}FROM debian:12\nCOPY --from=files / /`)).length, 1);
});

test('An image that is made to be copied whole is no build stage', async () => {
  const images = { 'tonistiigi/xx': {}, 'alpine:3.22': { Cmd: ['/bin/sh'] } };
  const text = 'FROM golang:1.24\nCOPY --from=tonistiigi/xx / /\n';
  assert.deepEqual(await check(rule, text, { images }), []);
  const named = 'FROM tonistiigi/xx AS xx\nFROM golang:1.24\nCOPY --from=xx / /\n';
  assert.deepEqual(await check(rule, named, { images }), []);
  assert.deepEqual(await check(rule, named, { unknown: ['tonistiigi/xx'] }), []);
  assert.equal((await check(rule, named.replace('tonistiigi/xx', 'alpine:3.22'), { images })).length, 1);
  assert.equal((await check(rule, named.replace('AS xx', 'AS xx\nRUN make'), { images })).length, 1);
});

test('Stages that take one another whole in many ways are looked into once each', async () => {
  const stage = (i: number) =>
    `FROM scratch AS s${i}\nCOPY --from=s${i - 1} / /\nCOPY --from=s${i - 2} / /\n`;
  const stages = Array.from({ length: 200 }, (_, i) => (i < 2 ? `FROM scratch AS s${i}\n` : stage(i)));
  assert.deepEqual(await check(rule, stages.join('')), []);
});
