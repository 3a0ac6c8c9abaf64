import assert from 'node:assert/strict';
import { chmodSync, linkSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { LocalTree } from '../../source/local.ts';
import { fsPath } from '../../util/bytes.ts';
import { Pace } from '../../util/pace.ts';
import { contentDigest } from './content.ts';
import type { Selector } from './description.ts';
import { contentRootKey } from './key.ts';

const root = mkdtempSync(join(tmpdir(), 'stagecraft-content-'));
after(() => rmSync(root, { recursive: true }));

/** Makes the context that BuildKit was given. */
function fill(root: string): void {
  const at = (path: string) => join(root, path);
  for (const directory of ['a/b/c', 'a/empty', 'd', 'd-e']) mkdirSync(at(directory), { recursive: true });
  const files = {
    'a/one.txt': '1',
    'a/b/two.txt': '2',
    'a/b/c/three': '3',
    'a/.hidden': '',
    'd/x.go': 'x',
    'd-e/x.txt': 'y',
  };
  for (const [path, content] of Object.entries(files)) writeFileSync(at(path), content);
  for (const directory of ['.', 'a', 'a/b', 'a/b/c', 'd', 'd-e']) chmodSync(at(directory), 0o755);
  for (const path of Object.keys(files)) chmodSync(at(path), 0o644);
  chmodSync(at('a/b/two.txt'), 0o4751);
  chmodSync(at('a/empty'), 0o1700);
  linkSync(at('a/one.txt'), at('a/hard'));
  symlinkSync('b/two.txt', at('a/link'));
  symlinkSync('../a/b', at('d/directory'));
  writeFileSync(fsPath(`${at('d')}/\xc3\xa9\xff`), 'bytes', { mode: 0o644 });
}
fill(root);

/** What is selected, and the digests of the records of content that BuildKit 0.32 exported. */
const recorded: readonly (readonly [what: string, selector: Selector, record: string])[] = [
  [
    'a file',
    { path: '/a/one.txt' },
    'sha256:b650625eb330dcf1f8f59781825d1f303d5e873487d17faaf5d93c1980898de5',
  ],
  [
    'an empty file',
    { path: '/a/.hidden' },
    'sha256:e260e636718fd0444ab1b96cac238be38f81f69e2da6e7bba977737582733d78',
  ],
  [
    'a file that another user may run',
    { path: '/a/b/two.txt' },
    'sha256:a7ec0f84d808590795cd1d8d342d07773845f2a7eae3f9d432a9a5637603218c',
  ],
  ['a directory', { path: '/a' }, 'sha256:4fa0ed39344256a92b8cdfa76d6f0af339549c9fba6ab327965cb50d73da3df8'],
  [
    'an empty directory',
    { path: '/a/empty/' },
    'sha256:83471598b343be5c47cc0c332b4b2e72778adf702a6c5d1d09bbfa04294def69',
  ],
  [
    'names that are not UTF-8',
    { path: '/d' },
    'sha256:03cac4b97ced334866108fde7b77840c40df9846c04112b9f73da926d49e00e3',
  ],
  ['everything', { path: '/' }, 'sha256:e73e14fb66d23d37e5f3a1807adde2728ae4da725fd3130036e3269faa41b916'],
  [
    'a symlink',
    { path: '/a/link' },
    'sha256:f7c78044cdd29541e09c9644fb26f6f3d2d64a505fb7ea2949b4424e9c30e2c4',
  ],
  [
    'a symlink, followed',
    { path: '/a/link', followLinks: true },
    'sha256:a7ec0f84d808590795cd1d8d342d07773845f2a7eae3f9d432a9a5637603218c',
  ],
  [
    'a directory by a symlink',
    { path: '/d/directory', followLinks: true },
    'sha256:e67d00a1911ed079f9128136bc13ccde9b5486fa5c4b23c1876d030ed2ba125e',
  ],
  [
    'below a symlink',
    { path: '/d/directory/c' },
    'sha256:b16b7bc805924938293803a5f3c957f509c95a5381666e8bcd14397fcaf6d3c6',
  ],
  [
    'a pattern',
    { path: '/a/*', wildcard: true, followLinks: true },
    'sha256:3c7ca29618768c011d485aa31ce29929d1866cfa273139d855d2d0abe47cadfb',
  ],
  [
    'a pattern that takes one',
    { path: '/a/one.*', wildcard: true },
    'sha256:0a4a62dd61a34fe2a16ed0cbd8c5293a658f4baf0569e96436ac364178f9550f',
  ],
  [
    'a pattern that takes nothing',
    { path: '/none*', wildcard: true },
    'sha256:b58f6cd83b69bbc0eba0437bb72d34b4814b12891064666e9cb8efea631847fb',
  ],
  [
    'a pattern in the middle',
    { path: '/*/b/*', wildcard: true, followLinks: true },
    'sha256:4efb59b2a0206a035a60cdcf09375ac2b7cbbad2dd0975f61f2a40eb5128a136',
  ],
  [
    'a pattern below a symlink',
    { path: '/d/directory/t*', wildcard: true, followLinks: true },
    'sha256:04044314d12f299c8e584db7ac58d13fdd825fa9196cf8d36a6626907aae3754',
  ],
  [
    'a pattern that takes a symlink',
    { path: '/d/dir*', wildcard: true, followLinks: true },
    'sha256:49062bc5484a82b28f9cb8866416e10cc920995c76dba2eb582ff5a118693b06',
  ],
  [
    'what is included',
    { path: '/', includePatterns: ['a/b', 'd/*.go'] },
    'sha256:d2eb95c8a5af9d7013bc0ad572ccf12183cb94d2941245a3dfb2d29fb16d9843',
  ],
  [
    'what is not excluded',
    { path: '/a', excludePatterns: ['**/*.txt', '!b/two.txt', 'empty'] },
    'sha256:04392fb051382a90a8acc8ac77914a42deda92911decd624055d46d42f057c7f',
  ],
  [
    'a pattern with exceptions',
    { path: '/d*', wildcard: true, followLinks: true, excludePatterns: ['*.go'] },
    'sha256:7407f7befc64a5d7cb8df8ac60f19d60fe8efe17a86b594a0c84721aff61b7ae',
  ],
];

for (const [what, selector, record] of recorded)
  test(`as in BuildKit: ${what}`, async () => {
    const tree = new LocalTree(root);
    const content = await contentDigest(tree, [selector], new Pace());
    assert.equal(contentRootKey(content).digest, record);
    tree.close();
  });

test('a file that changes after the build looked at it has no digest', async () => {
  const path = join(root, 'changing');
  writeFileSync(path, 'before');
  const tree = new LocalTree(root);
  await tree.fileData('/changing');
  writeFileSync(path, 'behind');
  await assert.rejects(contentDigest(tree, [{ path: '/changing' }], new Pace()), { code: 'io' });
  await assert.rejects(contentDigest(tree, [{ path: '/absent' }], new Pace()), { code: 'not-found' });
  tree.close();
});
