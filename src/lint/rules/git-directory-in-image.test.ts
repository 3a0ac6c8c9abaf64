import assert from 'node:assert/strict';
import { test } from 'node:test';
import { check } from '../testing.ts';
import { gitDirectoryCopied as rule } from './git-directory-in-image.ts';

const files = {
  '.git/HEAD': 'ref: refs/heads/main',
  'src/a': 'a',
  'lib/.git': 'gitdir: ../.git/modules/lib',
};

test('A copy that takes .git along is found', async () => {
  assert.deepEqual(await check(rule, 'FROM a:1\nCOPY . /app\n', { files }), [
    '2:1 COPY takes .git into the image, with all that was ever committed; name .git in .dockerignore',
  ]);
  assert.equal((await check(rule, 'FROM a:1 AS b\nADD ./ /app/\nFROM b\n', { files })).length, 1);
});

test('Left out, or needed only to build, it is fine', async () => {
  for (const text of [
    'FROM a:1\nCOPY src /app\n',
    'FROM a:1\nCOPY lib /app\n',
    'FROM a:1\nCOPY --exclude=.git . /app\n',
    'FROM a:1 AS b\nCOPY . .\nRUN git describe\nFROM a:1\nCOPY --from=b /x /x\n',
  ])
    assert.deepEqual(await check(rule, text, { files }), [], text);
  assert.deepEqual(
    await check(rule, 'FROM a:1\nCOPY . .\n', { files: { ...files, '.dockerignore': '.git' } }),
    [],
  );
  assert.deepEqual(await check(rule, 'FROM a:1\nCOPY . .\n'), []);
});
