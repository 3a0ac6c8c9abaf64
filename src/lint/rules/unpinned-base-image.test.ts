import assert from 'node:assert/strict';
import { test } from 'node:test';
import { check } from '../testing.ts';
import { baseImageWithoutDigest } from './base-image-without-digest.ts';
import { unpinnedBaseImage as rule } from './unpinned-base-image.ts';

const digest = `sha256:${'a'.repeat(64)}`;

test('A base without a version is found, at its name', async () => {
  assert.deepEqual(await check(rule, 'FROM --platform=linux/amd64 node AS a\nFROM a\n'), [
    '1:29 Base image "node" has no tag, which means latest; name a version',
  ]);
  assert.deepEqual(await check(rule, 'ARG TAG=latest\nFROM ghcr.io/x/node:$TAG\n'), [
    '2:6 Base image "ghcr.io/x/node:latest" is whatever is latest; name a version',
  ]);
  assert.equal((await check(rule, 'FROM localhost:5000/node\n')).length, 1);
});

test('A version, a digest, a stage or scratch is fine, and so is a stage that the target does not need', async () => {
  for (const text of [
    'FROM node:26\n',
    `FROM node@${digest}\n`,
    `FROM node:latest@${digest}\n`,
    'FROM scratch\n',
    'FROM node:26 AS base\nFROM base\n',
    'FROM node AS unused\nFROM node:26\n',
  ])
    assert.deepEqual(await check(rule, text), [], text);
});

test('A version without its digest gets other advice, once for each image', async () => {
  const [first, ...more] = await check(
    baseImageWithoutDigest,
    'FROM node:26 AS a\nFROM node:26\nCOPY --from=a /a /a\n',
  );
  assert.match(
    first!,
    /^1:6 Base image "node:26" can change under its tag; @sha256:[0-9a-f]{64} pins what it is now$/,
  );
  assert.deepEqual(more, []);
  for (const text of [`FROM node:26@${digest}\n`, 'FROM scratch\n', 'FROM node\n'])
    assert.deepEqual(await check(baseImageWithoutDigest, text), [], text);
});
