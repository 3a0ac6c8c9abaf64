import assert from 'node:assert/strict';
import { test } from 'node:test';
import { check, findings, imageOf } from '../testing.ts';
import { gitDirectoryInImage, gitDirectoryCopied as rule } from './git-directory-in-image.ts';

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

test('A repository in the built image is found, at what brought it', async () => {
  const tree = {
    'src/lib/.git/HEAD': 'ref: x',
    'src/lib/.git/objects/a': 'x'.repeat(2000),
    'srv/.git/config': '',
  };
  const text = 'FROM a:1\nRUN git clone https://example.com/lib /src/lib\n';
  assert.deepEqual(await findings(gitDirectoryInImage, await imageOf(text, tree)), [
    '2:1 /src/lib/.git is in the image, 2.0 kB, with all that was ever committed; clone in a stage of its own, or remove it in the same RUN',
  ]);
  const two = await findings(gitDirectoryInImage, await imageOf(text, { ...tree, 'src/x/.git/HEAD': '' }));
  assert.match(two.join(), /^2:1 \/src\/lib\/\.git is in the image, as are 1 more, 2\.0 kB/);
  // What the copy of a context brought is told from the context.
  const copied = await imageOf('FROM a:1\nCOPY . /app\n', { 'app/.git/HEAD': 'x' }, { files });
  assert.deepEqual(await findings(gitDirectoryInImage, copied), []);
});
