import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sourceKey } from './key.ts';
import { gitText, httpText, imageTexts } from './source.ts';

// The digests of the records that BuildKit 0.32 exported.
const records = (texts: readonly string[]): string[] => texts.map(text => sourceKey(text).digest);

test('as in BuildKit: an image, by its manifest and by its layers', () => {
  const texts = imageTexts(
    'sha256:c7492df178f068161c5d903c553f2d060d05320002155aa4551018807b8ce51c',
    { os: 'linux', architecture: 'amd64' },
    [
      'sha256:701c4b10989f134cc1164d08534fc134e277eb02b334e0d92bea4ddebc9b1e4b',
      'sha256:3248bed356c579cdbc6ba8f177619df4e7d2baa4452406203833f664fc0f4c8a',
      'sha256:371bfe3589aedfddee6816bebfa868aa4c62190f141beb2261de95210abf863e',
    ],
  );
  assert.deepEqual(records(texts), [
    'sha256:b7172cb7fa796733947ef9c09753463f96ae2794382caa873bfc9a2f7ad026b7',
    'sha256:f84dc530710a616da430555c4721b12c8e29deb122e88729890094f605596698',
  ]);
});

test('as in BuildKit: a download with a checksum, and one that says when it was changed', () => {
  const digest = 'sha256:5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03';
  const file = { filename: 'f.txt', perm: 0, uid: 0, gid: 0, digest } as const;
  const lastModified = new Date('2026-11-21T19:09:06.000Z');
  assert.deepEqual(records([httpText(file), httpText({ ...file, lastModified })]), [
    'sha256:1b2a6bf88bffdaf199d300d089e15fd5e49946c00b1e8d5f132fd6b60671b79b',
    'sha256:16721dde1fc6b6195b461d8d6265d981d4187a3a0f0b499bb2c0ef9358bd598c',
  ]);
});

test('as in BuildKit: a commit, a directory of it, and one with its repository', () => {
  const files = { commit: '7184c3fdce62d3d969e279158f25a6fa37835e43', subdir: '', skipSubmodules: false };
  const gitDir = { ref: 'refs/heads/main' };
  const texts = [gitText(files), gitText({ ...files, subdir: 'sub' }), gitText({ ...files, gitDir })];
  assert.deepEqual(records(texts), [
    'sha256:12ddde9bab32834d25986cab6dfc07bac8a17dd81af5472922dc1c15418133fe',
    'sha256:77c1baa6051bd670fd7f2579eeb10213a43a376d22d5e4894e8fc90bcd1f80f8',
    'sha256:e74d2a152def15d6db51fc0746f462c145d4fed4a3bbe4c42cade99cc9a3807b',
  ]);
});
