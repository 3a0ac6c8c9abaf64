import assert from 'node:assert/strict';
import { test } from 'node:test';
import { directory, openWorkshop, plain } from './testing.ts';
import { findGroup, findUser, resolveUser } from './users.ts';

const workshop = openWorkshop();

function image(files: Record<string, string>, links: Record<string, string> = {}) {
  const rootFs = workshop.add([], writer => {
    writer.makeDirectories('/etc', directory);
    for (const [path, text] of Object.entries(files))
      writer.putFile(path, { data: Buffer.from(text) }, plain);
    for (const [path, target] of Object.entries(links)) writer.putSymlink(path, target, plain);
  });
  return workshop.layers.view(rootFs);
}

const usual = image({
  '/etc/passwd': [
    'root:x:0:0:root:/root:/bin/sh',
    '# a comment',
    'broken line',
    'app:x:1000:1001::/home/app:/bin/sh',
    'jürgen:x:1002:1002::/home/j:',
    '42:x:5000:5000::/:',
    'homeless:x:1003:1003:::',
    '',
  ].join('\n'),
  '/etc/group': ['root:x:0:', 'wheel:x:10:root,app', 'app:x:1001:app', 'docker:x:999:app,jürgen'].join('\n'),
});
const empty = image({});

test('a name gives the ids, home and groups of its account', () => {
  assert.deepEqual(resolveUser(usual, 'app'), {
    uid: 1000,
    gid: 1001,
    additionalGids: [10, 999],
    home: '/home/app',
  });
  assert.deepEqual(resolveUser(usual, 'jürgen'), {
    uid: 1002,
    gid: 1002,
    additionalGids: [999],
    home: '/home/j',
  });
  assert.equal(resolveUser(usual, 'homeless').home, '/');
});

test('a number gives the account of that id, and needs none', () => {
  assert.deepEqual(resolveUser(usual, '1000'), resolveUser(usual, 'app'));
  assert.deepEqual(resolveUser(usual, '7'), { uid: 7, gid: 0, additionalGids: [], home: '/' });
  assert.equal(resolveUser(usual, '42').uid, 42, 'a number is never taken for a name');
});

test('a group given is the only one', () => {
  assert.deepEqual(resolveUser(usual, 'app:wheel'), {
    uid: 1000,
    gid: 10,
    additionalGids: [],
    home: '/home/app',
  });
  assert.deepEqual(resolveUser(usual, 'app:12345').gid, 12345);
  assert.deepEqual(resolveUser(usual, '7:8'), { uid: 7, gid: 8, additionalGids: [], home: '/' });
  assert.deepEqual(resolveUser(usual, ':wheel'), { uid: 0, gid: 10, additionalGids: [], home: '/root' });
});

test('no user means root, with its groups', () => {
  assert.deepEqual(resolveUser(usual, ''), { uid: 0, gid: 0, additionalGids: [10], home: '/root' });
  assert.deepEqual(resolveUser(empty, ''), { uid: 0, gid: 0, additionalGids: [], home: '/' });
});

test('a name without account is an error that says where it was looked for', () => {
  assert.throws(() => resolveUser(usual, 'nobody'), { code: 'not-found', message: /nobody.*\/etc\/passwd/ });
  assert.throws(() => resolveUser(usual, 'app:nogroup'), {
    code: 'not-found',
    message: /nogroup.*\/etc\/group/,
  });
  assert.throws(() => resolveUser(empty, 'app'), { code: 'not-found' });
  assert.throws(() => resolveUser(usual, '99999999999'), { code: 'usage' });
  assert.throws(() => resolveUser(usual, '-5'), { code: 'usage' });
});

test('root has its number also in an image without accounts', () => {
  assert.equal(resolveUser(empty, 'root').uid, 0);
});

test('the tables are read through symlinks, within the image', () => {
  const linked = image({ '/etc/real': 'app:x:3:4::/:' }, { '/etc/passwd': '../../../etc/real' });
  assert.equal(resolveUser(linked, 'app').uid, 3);
});

test('single names are found for the owner of a copy', () => {
  assert.deepEqual(findUser(usual, 'app'), { uid: 1000, gid: 1001 });
  assert.equal(findUser(usual, 'nobody'), undefined);
  assert.equal(findGroup(usual, 'docker'), 999);
  assert.equal(findGroup(empty, 'docker'), undefined);
});
