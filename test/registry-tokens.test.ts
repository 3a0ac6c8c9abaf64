import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { before, beforeEach, suite, test } from 'node:test';
import { FaultyProxy } from './support/faulty-proxy.ts';
import { needs } from './support/needs.ts';
import { type Outcome, tool } from './support/program.ts';
import { Registry } from './support/registry.ts';
import { TokenServer } from './support/token-server.ts';
import { findTraces } from './support/traces.ts';
import { Workspace } from './support/workspace.ts';

const skip = needs('docker-registry', 'openssl', 'curl', 'skopeo', 'buildah');
const secret = 'not-to-be-seen';
const refreshToken = 'refresh-not-to-be-seen';

suite('a registry with a token server', { skip }, () => {
  const work = new Workspace();
  let tokens: TokenServer;
  let registry: Registry;
  let host: string;
  let configs = 0;
  const app = { Dockerfile: 'FROM scratch\nCOPY big /\n', big: randomBytes(1 << 20) };

  /** Runs a command with a configuration of its own; no credential may be in what it prints. */
  async function as(login: object | undefined, ...args: string[]): Promise<Outcome> {
    configs += 1;
    const place = work.path(`docker-${configs}`);
    mkdirSync(place);
    if (login) writeFileSync(join(place, 'config.json'), JSON.stringify({ auths: { [host]: login } }));
    const outcome = await work.stagecraft(args, { env: { DOCKER_CONFIG: place, STAGECRAFT_DEBUG: '1' } });
    const printed = outcome.stdout + outcome.stderr;
    const credentials = [
      secret,
      refreshToken,
      Buffer.from(`me:${secret}`).toString('base64'),
      ...tokens.given,
    ];
    for (const credential of credentials) assert.ok(!printed.includes(credential), printed);
    return outcome;
  }
  const me = { auth: Buffer.from(`me:${secret}`).toString('base64') };
  const refused = async (login: object | undefined, message: RegExp, ...args: string[]): Promise<void> => {
    const { code, stderr } = await as(login, ...args);
    assert.equal(code, 1);
    assert.match(stderr, message);
  };
  const done = async (login: object | undefined, ...args: string[]): Promise<string> => {
    const { code, stdout, stderr } = await as(login, ...args);
    assert.equal(code, 0, stderr);
    return stdout;
  };

  before(async () => {
    tokens = await TokenServer.start(work);
    tokens.passwords.set('me', secret);
    tokens.refresh.set(refreshToken, 'me');
    tokens.grants = [
      { account: '', prefix: 'public/', actions: ['pull'] },
      { account: 'me', prefix: '', actions: ['pull', 'push'] },
    ];
    registry = await Registry.start(work, { tokens });
    host = registry.host;
    await work.build(app, ['-t', `${host}/public/app:1`]);
    await work.ok('tag', `${host}/public/app:1`, `${host}/private/app:1`);
  });
  beforeEach(() => {
    host = registry.host;
    tokens.asked.length = 0;
  });

  test('who is not logged in may pull what is public, and is told what for the rest', async () => {
    await done(me, 'push', `${host}/public/app:1`);
    await done(me, 'push', `${host}/private/app:1`);
    await done(undefined, 'pull', `${host}/public/app:1`);
    assert.deepEqual(
      tokens.asked.filter(({ account }) => account === ''),
      [{ method: 'GET', account: '', scopes: ['repository:public/app:pull'] }],
    );
    const hint = `log in with \`stagecraft login ${host}\``;
    await refused(
      undefined,
      new RegExp(`The registry ${host} does not allow pull and push for public/app\\.(?:.|\n)*${hint}`),
      ...['push', `${host}/public/app:1`],
    );
    await refused(
      undefined,
      new RegExp(`The registry ${host} does not allow pull for private/app\\.(?:.|\n)*${hint}`),
      ...['pull', `${host}/private/app:1`],
    );
    await tool('skopeo', 'inspect', '--tls-verify=false', `docker://${host}/public/app:1`);
    await assert.rejects(tool('skopeo', 'inspect', '--tls-verify=false', `docker://${host}/private/app:1`));
  });

  test('login, and then everything; a wrong password is called one', async () => {
    const env = { DOCKER_CONFIG: work.path('docker'), STAGECRAFT_DEBUG: '1' };
    const login = (input: string) =>
      work.stagecraft(['login', '-u', 'me', '--password-stdin', host], { env, input });
    const wrong = await login('wrong-password');
    assert.equal(wrong.code, 1);
    assert.match(
      wrong.stderr,
      new RegExp(`The registry ${host} does not accept this user name and password`),
    );
    assert.doesNotMatch(wrong.stderr + wrong.stdout, /wrong-password/);
    const right = await login(secret);
    assert.equal(right.code, 0, right.stderr);
    for (const command of ['push', 'pull']) {
      const { code, stderr } = await work.stagecraft([command, `${host}/private/app:1`], { env });
      assert.equal(code, 0, stderr);
    }
    const other = { auth: Buffer.from('me:other').toString('base64') };
    await refused(other, /does not allow pull for private\/app/, 'pull', `${host}/private/app:1`);
    const authfile = join(env.DOCKER_CONFIG, 'config.json');
    const from = ['--authfile', authfile, '--tls-verify=false', `docker://${host}/private/app:1`];
    await tool('skopeo', 'inspect', ...from);
    if (process.getuid!() === 0) {
      const storage = [
        '--root',
        work.path('buildah'),
        '--runroot',
        work.path('buildah-run'),
        '--storage-driver',
        'vfs',
      ];
      await tool('buildah', ...storage, 'pull', ...from);
    }
  });

  test('a refresh token is exchanged for others', async () => {
    const { stdout } = await as({ identitytoken: refreshToken }, 'pull', `${host}/private/app:1`);
    assert.match(stdout, /private\/app:1@sha256:/);
    assert.deepEqual(tokens.asked, [
      { method: 'POST', account: 'me', scopes: ['repository:private/app:pull'] },
    ]);
    await refused(
      { identitytoken: 'stale' },
      /does not allow pull for private/,
      'pull',
      `${host}/private/app:1`,
    );
  });

  test('a token server that sends on to another host gets no credential there', async () => {
    let seen = '';
    const elsewhere = createServer(async (asked, response) => {
      seen += `${asked.url} ${JSON.stringify(asked.headers)} ${await text(asked)}`;
      response.writeHead(404).end();
    });
    await new Promise<void>(resolve => elsewhere.listen(0, '127.0.0.1', resolve));
    work.atEnd(() => elsewhere.close());
    tokens.moved = `http://127.0.0.1:${(elsewhere.address() as AddressInfo).port}/elsewhere`;
    for (const login of [me, { identitytoken: refreshToken }])
      await refused(
        login,
        /gives no token for repository:private\/app:pull/,
        'pull',
        `${host}/private/app:1`,
      );
    tokens.moved = undefined;
    assert.match(seen, /elsewhere/);
    for (const credential of [me.auth, secret, refreshToken]) assert.ok(!seen.includes(credential), seen);
  });

  test('a blob of another repository is mounted, which takes both scopes', async () => {
    await done(me, 'copy', `${host}/private/app:1`, `${host}/elsewhere/app:1`);
    assert.ok(
      tokens.asked.some(({ scopes }) =>
        ['repository:elsewhere/app:pull,push', 'repository:private/app:pull'].every(each =>
          scopes.includes(each),
        ),
      ),
      JSON.stringify(tokens.asked),
    );
    await done(me, 'pull', `${host}/elsewhere/app:1`);
  });

  test('a token that the registry takes no longer is renewed on the way', async () => {
    const proxy = await FaultyProxy.start(work, registry.host);
    // Each upload comes once without a token that counts.
    const spoiled = new Set<string>();
    proxy.headers = ({ method, url, headers: { authorization, ...others }, headers }) => {
      const path = url!.split('?')[0]!;
      if (method !== 'PUT' || authorization === undefined || spoiled.has(path)) return headers;
      spoiled.add(path);
      return others;
    };
    host = proxy.host;
    await work.ok('tag', `${registry.host}/public/app:1`, `${host}/later/app:1`);
    await done(me, 'push', `${host}/later/app:1`);
    // Two blobs and the manifest, and what was begun anew as the registry hung up in the middle.
    assert.ok(spoiled.size >= 3 && tokens.asked.length > 1, [...spoiled].join('\n'));
    const scopes = ['repository:later/app:pull,push'];
    assert.deepEqual(tokens.asked, Array(tokens.asked.length).fill({ method: 'GET', account: 'me', scopes }));
    host = registry.host;
    await done(me, 'pull', `${host}/later/app:1`);
  });

  test('what may not be read elsewhere is sent instead of mounted', async () => {
    tokens.grants = [
      { account: 'me', prefix: 'private/', actions: ['pull'] },
      { account: 'me', prefix: 'mine/', actions: ['pull', 'push'] },
    ];
    await done(me, 'copy', `${host}/private/app:1`, `${host}/mine/app:1`);
    await refused(me, /does not allow pull and push for private\/app/, 'push', `${host}/private/app:1`);
  });

  test('no credential is in the store', () => {
    for (const credential of [secret, refreshToken, ...tokens.given.map(token => token.slice(-40))])
      assert.deepEqual(findTraces(credential, [work.store]), []);
  });
});
