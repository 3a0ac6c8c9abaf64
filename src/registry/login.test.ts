import assert from 'node:assert/strict';
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { credentialsOf } from './credentials.ts';
import { forgetPassword, keepPassword, registryNamed } from './login.ts';

/** A home directory with Docker's configuration, and a credential helper `docker-credential-files`. */
class Home {
  readonly directory = mkdtempSync(join(tmpdir(), 'stagecraft-login-'));
  readonly env: NodeJS.ProcessEnv;
  readonly config = join(this.directory, '.docker/config.json');

  constructor(t: TestContext, config?: object) {
    t.after(() => rmSync(this.directory, { recursive: true }));
    this.env = { HOME: this.directory, PATH: `${this.directory}:${process.env.PATH}` };
    const helper = join(this.directory, 'docker-credential-files');
    const kept = join(this.directory, 'kept');
    writeFileSync(
      helper,
      `#!/bin/sh
unknown() { echo credentials not found in native keychain; exit 1; }
case $1 in
store) cat >${kept} ;;
get) cat ${kept} 2>/dev/null || unknown ;;
erase) rm ${kept} 2>/dev/null || unknown ;;
esac
`,
    );
    chmodSync(helper, 0o755);
    if (config === undefined) return;
    mkdirSync(join(this.directory, '.docker'));
    writeFileSync(this.config, JSON.stringify(config));
  }

  read(): { auths?: Record<string, object> } {
    return JSON.parse(readFileSync(this.config, 'utf8'));
  }

  async password(registry: string, repository = 'app'): Promise<string | undefined> {
    const found = await credentialsOf(this.env)(registry, repository);
    return found?.type === 'password' ? found.password : undefined;
  }
}

const auth = (text: string) => ({ auth: Buffer.from(text).toString('base64') });

test('a registry may be named as Docker takes it, also by its address', () => {
  const names = {
    'registry.test': 'registry.test',
    'https://registry.test/': 'registry.test',
    'http://registry.test:5000/v2/': 'registry.test:5000',
    'registry.test/v2/': 'registry.test',
    'registry.test/team/app/': 'registry.test/team/app',
    localhost: 'localhost',
    'docker.io': 'docker.io',
    'index.docker.io': 'docker.io',
    'https://index.docker.io/v1/': 'docker.io',
    'registry-1.docker.io': 'docker.io',
  };
  for (const [text, name] of Object.entries(names)) assert.equal(registryNamed(text), name);
  for (const text of [
    '',
    'bad host',
    'registry',
    'registry.test/Team',
    'ftp://registry.test',
    'me@registry.test',
  ])
    assert.throws(() => registryNamed(text), /is no registry/, text);
});

test('a new password takes the place of what other tools left under an address', async t => {
  const home = new Home(t, {
    auths: { 'https://registry.test/v1/': auth('me:old') },
    HttpHeaders: { a: 'b' },
  });
  assert.equal(await home.password('registry.test'), 'old');
  await keepPassword('registry.test', 'me', 'new', home.env);
  assert.equal(await home.password('registry.test'), 'new');
  assert.deepEqual(home.read(), { auths: { 'registry.test': auth('me:new') }, HttpHeaders: { a: 'b' } });
  assert.deepEqual(await forgetPassword('registry.test', home.env), { found: true, elsewhere: [] });
  assert.equal(await home.password('registry.test'), undefined);
  assert.equal((await forgetPassword('registry.test', home.env)).found, false);
});

test('with a helper no password stays in the file, also none from before', async t => {
  const home = new Home(t, { auths: { 'registry.test': auth('me:old') }, credsStore: 'files' });
  assert.deepEqual(await keepPassword('registry.test', 'me', 'new', home.env), {
    type: 'helper',
    name: 'files',
  });
  assert.deepEqual(home.read().auths, { 'registry.test': {} });
  assert.equal(await home.password('registry.test'), 'new');
  writeFileSync(home.config, JSON.stringify({ ...home.read(), auths: { 'registry.test': auth('me:old') } }));
  assert.equal((await forgetPassword('registry.test', home.env)).found, true);
  assert.deepEqual(home.read().auths, {});
  assert.equal(await home.password('registry.test'), undefined);
  assert.equal((await forgetPassword('registry.test', home.env)).found, false);
});

test('a namespace has a password of its own, which helpers cannot keep', async t => {
  const home = new Home(t, { credsStore: 'files' });
  await keepPassword('registry.test/team', 'me', 'team', home.env);
  assert.equal(await home.password('registry.test', 'team/app'), 'team');
  assert.equal(await home.password('registry.test', 'other/app'), undefined);
});

test('a helper that is not there is told as such', async t => {
  const home = new Home(t, { credHelpers: { 'registry.test': 'none' } });
  const missing = /docker-credential-none cannot be run/;
  await assert.rejects(keepPassword('registry.test', 'me', 'x', home.env), missing);
  await assert.rejects(forgetPassword('registry.test', home.env), missing);
});

test('a configuration that is a link stays one', async t => {
  const home = new Home(t);
  const elsewhere = join(home.directory, 'dotfiles.json');
  mkdirSync(join(home.directory, '.docker'));
  writeFileSync(elsewhere, '{}');
  symlinkSync(elsewhere, home.config);
  await keepPassword('registry.test', 'me', 'x', home.env);
  assert.ok(lstatSync(home.config).isSymbolicLink());
  assert.match(readFileSync(elsewhere, 'utf8'), /registry\.test/);
});

test('what Podman keeps is left to Podman, but told of; its REGISTRY_AUTH_FILE is the place to write where it is set', async t => {
  const home = new Home(t);
  const podman = join(home.directory, '.config/containers/auth.json');
  mkdirSync(join(home.directory, '.config/containers'), { recursive: true });
  writeFileSync(podman, JSON.stringify({ auths: { 'registry.test': auth('me:podman') } }));
  assert.deepEqual(await forgetPassword('registry.test', home.env), { found: false, elsewhere: [podman] });
  const env = { ...home.env, REGISTRY_AUTH_FILE: podman };
  assert.deepEqual(await keepPassword('registry.test', 'me', 'new', env), { type: 'file', path: podman });
  assert.equal(await home.password('registry.test'), 'new');
});
