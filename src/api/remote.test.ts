import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { openStore } from '../store/store.ts';
import { digestOf } from '../util/digest.ts';
import { gitSource, httpSource } from './remote.ts';

const directory = mkdtempSync(join(tmpdir(), 'stagecraft-remote-'));
const store = openStore(join(directory, 'store'));
const server = createServer((_, response) => response.end('content'));
await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
after(() => {
  server.close();
  store.close();
  rmSync(directory, { recursive: true });
});

const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/file`;
const lent = { secret: async () => undefined, sshAgent: async () => undefined };
const services = {
  remote: { store, since: Date.now(), lent, env: {} },
  opened: [],
  pins: new Map<string, string>(),
};
const progress = { status: () => {}, signal: new AbortController().signal, beforeWork: () => {} };
const commit = '0123456789012345678901234567890123456789';

test('a file gets the owner and mode that its source names', async () => {
  const attrs = { 'http.perm': '0644', 'http.uid': '5', 'http.gid': '6', 'http.filename': 'named' };
  const output = await (await httpSource(services, url, attrs, progress)).load(progress);
  assert.ok('tree' in output);
  const { type, mode, uid, gid } = output.tree.lstat('/named')!;
  assert.deepEqual([type, mode, uid, gid], ['file', 0o644, 5, 6]);
  assert.deepEqual(output.tree.list('/'), ['named']);
});

test('the key of a file tells what it is like, and not where it is from', async () => {
  const key = async (attrs: Record<string, string>, from = url) =>
    (await httpSource(services, from, attrs, progress)).key;
  const plain = await key({ 'http.filename': 'a' });
  assert.equal(await key({ 'http.filename': 'a' }, `${url}?again`), plain);
  assert.notEqual(await key({ 'http.filename': 'b' }), plain);
  assert.notEqual(await key({ 'http.filename': 'a', 'http.perm': '0600', 'http.uid': '1' }), plain);
  assert.equal(
    await key({ 'http.filename': 'a', 'http.checksum': digestOf('content') }, 'http://127.0.0.1:1/gone'),
    plain,
  );
});

test('the key of a commit tells what is taken of it', async () => {
  const key = async (fragment: string, attrs: Record<string, string> = {}, repository = 'h/a.git') =>
    (await gitSource(services, `git://${repository}#${fragment}`, attrs, progress)).key;
  const plain = await key(commit);
  assert.equal(await key(commit, {}, 'other/a.git'), plain);
  assert.equal(await key(`${commit}:./`), plain);
  const others = [
    key(`${commit}:docs`),
    key(commit, { 'git.keepgitdir': 'true' }),
    key(commit, { 'git.skipsubmodules': 'true' }),
    key(commit, { 'git.mtime': 'checkout' }),
  ];
  assert.equal(new Set([plain, ...(await Promise.all(others))]).size, 5);
  // A directory of a repository has no repository of its own.
  assert.equal(await key(`${commit}:docs`, { 'git.keepgitdir': 'true' }), await others[0]);
});

test('what cannot be what it says is refused', async () => {
  const refused = (attrs: Record<string, string>, message: RegExp, fragment = commit) =>
    assert.rejects(gitSource(services, `git://h/a.git#${fragment}`, attrs, progress), { message });
  await refused({ 'git.checksum': '12345' }, /is the commit 0123.*, not 12345 as/);
  await refused({ 'git.checksum': 'xyz' }, /checksum "xyz" of a repository is not that of a commit/);
  await refused({ 'git.fetchbycommit': 'true', 'git.checksum': '0123' }, /needs the full hash/, 'main');
  await refused({}, /"-x" is not a name/, '-x');
  await refused({ 'git.sig.pubkey': 'a key' }, /asks for git\.sig\.pubkey, which is not done here/);
  await refused({ 'git.fullurl': 'ext::sh -c true' }, /"https:\/\/ext::sh -c true" is not the address/, '');
  await assert.rejects(httpSource(services, url, { 'http.sig.signature': 'a' }, progress), {
    code: 'unsupported',
  });
  await assert.rejects(httpSource(services, url, { 'http.checksum': 'md5:x' }, progress), { code: 'usage' });
  await assert.rejects(httpSource(services, 'http://', {}, progress), {
    message: /"http:\/\/" is not the address/,
  });
});
