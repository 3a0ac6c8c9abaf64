import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { before, suite, test } from 'node:test';
import { withBusybox } from './support/busybox.ts';
import { FaultyProxy } from './support/faulty-proxy.ts';
import { needs } from './support/needs.ts';
import { tool } from './support/program.ts';
import { Registry } from './support/registry.ts';
import { Workspace } from './support/workspace.ts';

const skip = needs('busybox', 'docker-registry', 'htpasswd', 'openssl', 'curl', 'skopeo');

suite('images sent to registries', { skip }, () => {
  const work = new Workspace();
  let registry: Registry;
  const app = {
    ...withBusybox('FROM scratch\nCOPY text /text\nCOPY --from=busybox /bin /bin\n'),
    text: 'app',
  };

  before(async () => {
    registry = await Registry.start(work);
  });

  const inspect = async (name: string): Promise<string> =>
    tool('skopeo', 'inspect', '--raw', '--tls-verify=false', `docker://${registry.host}/${name}`);
  const digestIn = async (name: string): Promise<string> =>
    `sha256:${createHash('sha256')
      .update(await inspect(name))
      .digest('hex')}`;

  test('--push sends what was built, and others read it', async () => {
    const metadata = work.path('metadata.json');
    const name = `${registry.host}/team/app`;
    await work.build(app, ['-t', `${name}:1`, '-t', `${name}:latest`, '--push', '--metadata-file', metadata]);
    const digest = JSON.parse(readFileSync(metadata, 'utf8'))['containerimage.digest'];
    assert.equal(await digestIn('team/app:1'), digest);
    assert.equal(await digestIn('team/app:latest'), digest);
    const place = work.path('by-skopeo');
    const copy = ['--insecure-policy', 'copy', '--src-tls-verify=false'];
    await tool('skopeo', ...copy, `docker://${name}:1`, `oci:${place}:latest`);
    await tool('umoci', 'unpack', '--image', `${place}:latest`, work.path('bundle'));
    assert.equal(readFileSync(work.path('bundle/rootfs/text'), 'utf8'), 'app');
  });

  test('an image by its digest alone, under no tag', async () => {
    const name = `${registry.host}/team/untagged`;
    await work.build(app, ['-o', `type=image,name=${name},push=true,push-by-digest=true`]);
    await assert.rejects(inspect('team/untagged:latest'));
    assert.match(await inspect(`team/untagged@${await digestIn('team/app:1')}`), /"layers"/);
  });

  test('all platforms go as one index', async () => {
    const name = `${registry.host}/team/many:1`;
    await work.build(
      { Dockerfile: 'FROM scratch\nARG TARGETARCH\nCOPY $TARGETARCH /\n', amd64: 'a', arm64: 'b' },
      [...['--platform', 'linux/amd64,linux/arm64', '-t', name, '--push']],
    );
    const { manifests } = JSON.parse(await inspect('team/many:1'));
    assert.deepEqual(
      manifests.map((each: { platform: { architecture: string } }) => each.platform.architecture),
      ['amd64', 'arm64'],
    );
  });

  test('push and pull carry an image from store to store, the same to the digest', async () => {
    const other = new Workspace();
    const name = `${registry.host}/team/carried:1`;
    await work.build(app, ['-t', name]);
    const pushed = (await work.ok('push', name)).trim();
    assert.equal(pushed, `${name}@${await digestIn('team/carried:1')}`);
    assert.equal((await other.ok('pull', name)).trim(), pushed);
    assert.equal(await other.ok('run', '--rm', name, '/bin/busybox', 'cat', '/text'), 'app');
  });

  test('an image that is pulled by its digest goes by that, and keeps no tag', async () => {
    const other = new Workspace();
    const name = `${registry.host}/team/pinned`;
    await work.build(app, ['-t', `${name}:1`, '--push']);
    const digest = await digestIn('team/pinned:1');
    assert.equal((await other.ok('pull', '-q', `${name}:1@${digest}`)).trim(), `${name}:1@${digest}`);
    assert.equal(await other.ok('run', '--rm', `${name}@${digest}`, '/bin/busybox', 'cat', '/text'), 'app');
    assert.match(await other.ok('images', '--digests'), new RegExp(`team/pinned +<none> +${digest} `));
    await other.ok('prune', '--force');
    const inspected = await other.ok(
      'inspect',
      `${name}:1@${digest}`,
      '-f',
      '{{json .RepoTags}} {{json .RepoDigests}}',
    );
    assert.equal(inspected.trim(), `[] ["${name}@${digest}"]`);
  });

  test('what the registry has is not sent again, and that is said', async () => {
    const other = new Workspace();
    const progress = async (...args: string[]): Promise<string> => {
      const { code, stderr } = await other.stagecraft([...args, '--progress=plain']);
      assert.equal(code, 0, stderr);
      return stderr;
    };
    const sent = /pushing sha256:/;
    const base = `${registry.host}/shared/base:1`;
    const text = { ...app, text: 'shared' };
    assert.match(await progress('build', '-t', base, '--push', other.context(text)), sent);
    const two = ['shared/two', 'shared/three'].flatMap(name => ['-t', `${registry.host}/${name}`]);
    const derived = other.context({ Dockerfile: `FROM ${base}\nCOPY more /\n`, more: 'more' });
    const log = await progress('build', ...two, '--push', derived);
    assert.match(log, /sha256:\w+ mounted from shared\/base/);
    assert.match(log, /sha256:\w+ mounted from shared\/two/);
    assert.equal(log.match(/pushing sha256:\w+ .* done/g)?.length, 2, 'the config and the new layer');
    await other.ok('pull', base);
    await other.ok('tag', base, `${registry.host}/shared/renamed:1`);
    const renamed = await progress('push', `${registry.host}/shared/renamed:1`);
    assert.match(renamed, /sha256:\w+ mounted from shared\/base/);
    assert.doesNotMatch(renamed, sent);
    const again = await progress('push', `${registry.host}/shared/renamed:1`);
    assert.match(again, /sha256:\w+ already exists/);
    assert.doesNotMatch(again, sent);
    const copied = await progress('copy', base, `${registry.host}/shared/copied:1`);
    assert.match(copied, /sha256:\w+ mounted from shared\/base/);
    assert.doesNotMatch(copied, sent);
  });

  test('a cache in another repository takes its layers from that of the image', async () => {
    const other = new Workspace();
    const proxy = await FaultyProxy.start(other, registry.host);
    const [name, cache] = [`${proxy.host}/cached/app:1`, `${proxy.host}/cached/cache:1`];
    const flags = ['-t', name, '--push', '--cache-to', `type=registry,ref=${cache}`];
    await other.build({ ...app, text: 'to be cached' }, flags);
    const mounted = proxy.asked.filter(each => /cached\/cache\/blobs\/uploads\/\?mount=/.test(each));
    assert.ok(mounted.length >= 2, 'all layers');
    const sent = proxy.asked.filter(each => /^PUT .*cached\/cache\/blobs/.test(each));
    assert.equal(sent.length, 1, 'the config');
    const context = other.context({ ...app, text: 'to be cached' });
    const { stderr } = await other.stagecraft(['build', '--progress=plain', ...flags, context]);
    assert.match(stderr, /writing layer sha256:\w+ done/);
    assert.doesNotMatch(stderr, /writing layer sha256:\w+ .*B/);
  });

  test('copy takes an image on without a store', async () => {
    const other = await Registry.start(work);
    const source = `${registry.host}/team/many:1`;
    const empty = new Workspace();
    await empty.ok('copy', source, `${other.host}/elsewhere:1`);
    await empty.ok('copy', source, `${registry.host}/team/again:1`);
    assert.equal(await digestIn('team/again:1'), await digestIn('team/many:1'));
    const raw = await tool(
      'skopeo',
      'inspect',
      '--raw',
      '--tls-verify=false',
      `docker://${other.host}/elsewhere:1`,
    );
    assert.equal(raw, await inspect('team/many:1'));
    assert.throws(() => readdirSync(empty.store));
  });

  test('an image pulled for one platform is passed on where the registry has the others', async () => {
    const other = await Registry.start(work);
    const one = new Workspace();
    const source = `${registry.host}/team/many:1`;
    await one.ok('pull', '-q', source);
    await one.ok('tag', source, `${registry.host}/team/many:2`);
    await one.ok('push', '-q', `${registry.host}/team/many:2`);
    assert.equal(await digestIn('team/many:2'), await digestIn('team/many:1'));
    await one.ok('tag', source, `${other.host}/many:1`);
    const { code, stderr } = await one.stagecraft(['push', `${other.host}/many:1`]);
    assert.equal(code, 1);
    assert.match(
      stderr,
      /has a part for linux\/\w+ that is not in the store.*\n.*Pull the image with --platform/,
    );
  });

  test('login keeps what the registry accepts, for Docker and others too; logout forgets it', async () => {
    const locked = await Registry.start(work, { account: { name: 'me', password: 'right' } });
    const env = work.env({ DOCKER_CONFIG: work.path('docker') });
    const login = (password: string) =>
      work.stagecraft(['login', '-u', 'me', '--password-stdin', locked.host], {
        env,
        input: `${password}\n`,
      });
    const refused = await login('wrong');
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, /does not accept this user name and password/);
    const { code, stdout, stderr } = await login('right');
    assert.equal(code, 0, stderr);
    assert.match(stdout, /Logged in to 127\.0\.0\.1:\d+\. The password is kept unencrypted in /);
    const config = work.path('docker/config.json');
    assert.equal(statSync(config).mode & 0o777, 0o600);
    await tool(
      'skopeo',
      'list-tags',
      '--tls-verify=false',
      '--authfile',
      config,
      `docker://${locked.host}/app`,
    ).catch((error: Error) => assert.match(error.message, /name unknown|not found/i));
    await work.build(app, ['-t', `${locked.host}/app:1`, '--push'], { env });
    const logout = await work.stagecraft(['logout', `http://${locked.host}/`], { env });
    assert.match(logout.stdout, /Logged out of 127/);
    const stale = Buffer.from('me:not-any-more').toString('base64');
    writeFileSync(config, JSON.stringify({ auths: { [locked.host]: { auth: stale } } }));
    const refusal = await work.stagecraft(['pull', `${locked.host}/app:1`], {
      env: { ...env, STAGECRAFT_DEBUG: '1' },
    });
    assert.match(refusal.stderr, /does not allow pull for app.*\n.*log in again with `stagecraft login 127/);
    for (const secret of ['not-any-more', stale]) assert.ok(!refusal.stderr.includes(secret));
    writeFileSync(config, '{}');
    const after = await work.tryBuild(app, ['-t', `${locked.host}/app:1`, '--push'], { env });
    assert.match(after.message, /does not allow pull and push for app/);
  });

  test('an image without a name is not pushed, which is said before anything is built', async () => {
    const { code, message, steps } = await work.tryBuild(app, ['--push']);
    assert.equal(code, 1);
    assert.match(message, /image without a name cannot be pushed/);
    assert.deepEqual(steps, []);
  });
});
