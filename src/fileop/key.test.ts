import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, renameSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { LocalTree } from '../source/local.ts';
import { fc } from '../util/property.ts';
import { contentKeyOfFileOp } from './key.ts';
import { chain, copyAction, type Files, Workshop } from './testing.ts';

process.umask(0o022);
const shop = new Workshop();
after(() => shop.close());

test('a key changes with the files that are copied, and with nothing else of the context', async () => {
  const root = shop.context({ 'src/a': 'a', 'src/b/c': 'c', other: 'o', 'src2/a': 'a' });
  const key = () => shop.key(root, [copyAction('/src', '/app/')]);
  const first = await key();
  const keeps = [
    () => writeFileSync(join(root, 'other'), 'changed'),
    () => utimesSync(join(root, 'src/a'), 1, 1),
    () => writeFileSync(join(root, 'src/a'), 'a'),
    () => writeFileSync(join(root, 'new'), ''),
    // Of a directory whose content is copied only the content counts.
    () => chmodSync(join(root, 'src'), 0o700),
  ];
  for (const change of keeps) {
    change();
    assert.equal(await key(), first);
  }
  const changes = [
    () => writeFileSync(join(root, 'src/a'), 'b'),
    () => chmodSync(join(root, 'src/a'), 0o755),
    () => chmodSync(join(root, 'src/b'), 0o700),
    () => renameSync(join(root, 'src/a'), join(root, 'src/z')),
    () => mkdirSync(join(root, 'src/empty')),
    () => rmSync(join(root, 'src/b'), { recursive: true }),
  ];
  const seen = new Set([first]);
  for (const change of changes) {
    change();
    const now = await key();
    assert.ok(!seen.has(now));
    seen.add(now);
  }
});

test('a key changes with the base, the destination, the mode, the owner and the time', async () => {
  const root = shop.context({ f: 'f' });
  const tree = new LocalTree(root);
  const keys = await Promise.all([
    shop.keyOn(tree, [copyAction('/f', '/x')]),
    shop.keyOn(tree, [copyAction('/f', '/x')], 'other base'),
    shop.keyOn(tree, [copyAction('/f', '/y')]),
    shop.keyOn(tree, [copyAction('/f', '/x/')]),
    shop.keyOn(tree, [copyAction('/f', '/x', { mode: 0o600 })]),
    shop.keyOn(tree, [copyAction('/f', '/x', { owner: { user: { byId: 3 } } })]),
    shop.keyOn(tree, [copyAction('/f', '/x', { timestamp: 3n })]),
    shop.keyOn(tree, [copyAction('/f', '/x'), copyAction('/f', '/x2')]),
  ]);
  assert.equal(new Set(keys).size, keys.length);
  assert.equal(await shop.keyOn(tree, [copyAction('/f', '/x')]), keys[0]);
  tree.close();
});

test('how the files are named in the context does not matter where only their content is copied', async () => {
  const one = shop.context({ 'a/f': 'f', 'a/d/g': 'g' });
  const two = shop.context({ 'x/y/f': 'f', 'x/y/d/g': 'g', link: '->x/y' });
  const key = await shop.key(one, [copyAction('/a', '/to')]);
  assert.equal(await shop.key(two, [copyAction('/link', '/to')]), key);
  // A file copied into a directory keeps its name, so there it counts.
  const named = await shop.key(one, [copyAction('/a/f', '/to/')]);
  renameSync(join(one, 'a/f'), join(one, 'a/f2'));
  assert.notEqual(await shop.key(one, [copyAction('/a/f2', '/to/')]), named);
});

test('a pattern that matches other files, or the same files excluded, makes another key', async () => {
  const root = shop.context({ 'a.txt': '', 'b.txt': '', 'c.md': '', 'd/e.txt': '' });
  const [all, txt, md, without] = await Promise.all([
    shop.key(root, [copyAction('/*', '/to/')]),
    shop.key(root, [copyAction('/*.txt', '/to/')]),
    shop.key(root, [copyAction('/*.md', '/to/')]),
    shop.key(root, [copyAction('/', '/to/', { excludePatterns: ['*.md'] })]),
  ]);
  assert.equal(new Set([all, txt, md, without]).size, 4);
  writeFileSync(join(root, 'c.md'), 'changed');
  assert.equal(await shop.key(root, [copyAction('/*.txt', '/to/')]), txt);
  assert.equal(await shop.key(root, [copyAction('/', '/to/', { excludePatterns: ['*.md'] })]), without);
  assert.notEqual(await shop.key(root, [copyAction('/*.md', '/to/')]), md);
});

test('a missing file ends the key with the name as the Dockerfile has it; so does a required path', async () => {
  const root = shop.context({ 'a/b': '', '.dockerignore': 'secret', secret: '' });
  const options = { excludePatterns: ['secret'] };
  await assert.rejects(shop.key(root, [copyAction('/nope', '/to')]), {
    code: 'not-found',
    message: '"nope" does not exist in the build context, or .dockerignore excludes it.',
  });
  await assert.rejects(shop.key(root, [copyAction('/secret', '/to')], options), { code: 'not-found' });
  const parents = { includePatterns: ['a/c'], requiredPaths: ['/a/c'] };
  await assert.rejects(shop.key(root, [copyAction('/', '/to', parents)]), {
    code: 'not-found',
    message: /"a\/c"/,
  });
  const stage = await shop.run([], { f: '' }, [copyAction('/f', '/f')]);
  await assert.rejects(shop.keyOn(shop.tree(stage), [copyAction('/g', '/g')]), {
    code: 'not-found',
    message: '"/g" does not exist in the image or stage copied from.',
  });
});

test('an owner by name counts by the user file that it is looked up in', async () => {
  const image = (passwd: string) => shop.run([], { 'etc/passwd': passwd, f: '' }, [copyAction('/', '/')]);
  const context = new LocalTree(shop.context({ f: '' }));
  const owner = { user: { byName: { name: 'app', input: 2 } } };
  const keyWith = async (passwd: string) => {
    const users = shop.tree(await image(passwd));
    return contentKeyOfFileOp(chain(copyAction('/f', '/f', { owner })), [
      { key: 'base', tree: () => context },
      { key: 'context', tree: () => context },
      { key: 'users', tree: () => users },
    ]);
  };
  assert.equal(await keyWith('app:x:1:1::/:\n'), await keyWith('app:x:1:1::/:\n'));
  assert.notEqual(await keyWith('app:x:1:1::/:\n'), await keyWith('app:x:2:2::/:\n'));
  context.close();
});

test('equal keys give equal results, and different results have different keys', async () => {
  const name = fc.constantFrom('a', 'b', 'c/d', 'c/e', 'f/g/h');
  const content = fc.oneof(fc.constantFrom('1', '2', '->a'), fc.constant(null));
  const context = fc.dictionary(name, content, { minKeys: 1, maxKeys: 4 });
  const src = fc.constantFrom('/', '/*', '/c', '/[ac]*', '/*/*');
  const excludePatterns = fc.constantFrom([], ['*'], ['**/d', 'b'], ['c', '!c/e']);
  const copies = fc.record({ context, src, excludePatterns }, { noNullPrototype: true });
  const outcome = async (copy: { context: Files; src: string; excludePatterns: readonly string[] }) => {
    const actions = [copyAction(copy.src, '/to/', { excludePatterns: [...copy.excludePatterns] })];
    const root = shop.context(copy.context);
    try {
      const key = await shop.key(root, actions);
      return { key, result: JSON.stringify(shop.show(await shop.run([], root, actions))) };
    } catch (error) {
      const { code } = error as { code?: string };
      assert.ok(code === 'not-found' || code === 'confined', String(error));
      return undefined;
    }
  };
  const byKey = new Map<string, string>();
  await fc.assert(
    fc.asyncProperty(copies, async copy => {
      const made = await outcome(copy);
      if (made === undefined) return;
      assert.equal(byKey.get(made.key) ?? made.result, made.result);
      byKey.set(made.key, made.result);
    }),
    { numRuns: 150 },
  );
});

test('patterns that may match nothing are told of where all of them do', async () => {
  const context = new LocalTree(shop.context({ 'package.json': '{}' }));
  const toldFor = async (...sources: string[]) => {
    const told: string[][] = [];
    const optional = { allowWildcard: true, allowEmptyWildcard: true };
    const inputs = ['base', 'context'].map(key => ({ key, tree: () => context }));
    await contentKeyOfFileOp(chain(...sources.map(source => copyAction(source, '/', optional))), inputs, {
      onNoMatch: patterns => told.push([...patterns]),
    });
    return told;
  };
  assert.deepEqual(await toldFor('/package.json', '/yarn.lock*'), []);
  assert.deepEqual(await toldFor('/yarn.lock*', '/*.nope'), [['/yarn.lock*', '/*.nope']]);
  await assert.rejects(toldFor('/yarn.lock'), { code: 'not-found' });
  context.close();
});
