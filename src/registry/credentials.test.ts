import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { credentialsOf } from './credentials.ts';

const auth = (text: string) => ({ auth: Buffer.from(text).toString('base64') });

function home(t: TestContext, config: object): NodeJS.ProcessEnv {
  const directory = mkdtempSync(join(tmpdir(), 'stagecraft-credentials-'));
  t.after(() => rmSync(directory, { recursive: true }));
  mkdirSync(join(directory, '.docker'));
  writeFileSync(join(directory, '.docker/config.json'), JSON.stringify(config));
  return { HOME: directory, PATH: `${directory}:${process.env.PATH}` };
}

function helper(env: NodeJS.ProcessEnv, name: string, script: string): void {
  const path = join(env.HOME!, `docker-credential-${name}`);
  writeFileSync(path, `#!/bin/sh\n${script}\n`);
  chmodSync(path, 0o755);
}

test('what docker login writes is found, for Docker Hub under its old address', async t => {
  const find = credentialsOf(
    home(t, { auths: { 'https://index.docker.io/v1/': auth('me:a:b'), 'r.test': auth('you:c') } }),
  );
  assert.deepEqual(await find('docker.io', 'library/debian'), {
    type: 'password',
    username: 'me',
    password: 'a:b',
  });
  assert.deepEqual(await find('r.test', 'x'), { type: 'password', username: 'you', password: 'c' });
  assert.equal(await find('other.test', 'x'), undefined);
});

test('an entry for a namespace goes before that of its registry', async t => {
  const find = credentialsOf(home(t, { auths: { 'r.test': auth('all:1'), 'r.test/team': auth('team:2') } }));
  const name = async (repository: string) => (await find('r.test', repository)) as { username: string };
  assert.equal((await name('team/app')).username, 'team');
  assert.equal((await name('teams/app')).username, 'all');
});

test('a credential helper is asked by its protocol', async t => {
  const env = home(t, { credHelpers: { 'r.test': 'one' }, credsStore: 'all' });
  helper(env, 'one', `read server; echo '{"Username":"<token>","Secret":"'"$server-$1"'"}'`);
  helper(env, 'all', 'echo credentials not found in native keychain; exit 1');
  const find = credentialsOf(env);
  assert.deepEqual(await find('r.test', 'x'), { type: 'identity', token: 'r.test-get' });
  assert.equal(await find('other.test', 'x'), undefined);
});

test('a helper that fails is named, and what it says', async t => {
  const env = home(t, { credsStore: 'broken' });
  await assert.rejects(credentialsOf(env)('r.test', 'x'), /docker-credential-broken cannot be run/);
  helper(env, 'broken', 'echo the keychain is locked; exit 1');
  await assert.rejects(credentialsOf(env)('r.test', 'x'), /failed for r\.test: the keychain is locked/);
});
