import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { appendFileSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, suite, test } from 'node:test';
import { withBusybox } from './support/busybox.ts';
import { FaultyProxy } from './support/faulty-proxy.ts';
import { needs } from './support/needs.ts';
import { tool } from './support/program.ts';
import { Registry } from './support/registry.ts';
import { Workspace } from './support/workspace.ts';

const skip = needs('busybox', 'docker-registry', 'htpasswd', 'openssl', 'curl', 'skopeo');

suite('base images of registries', { skip }, () => {
  const work = new Workspace();
  let registry: Registry;
  let layout: string;
  let pushed = 0;

  /** Builds a small image and puts it into a registry. */
  const push = async (to: Registry, name: string, text: string, ...options: string[]): Promise<void> => {
    pushed += 1;
    const place = work.path(`layout-${pushed}`);
    const dockerfile = `FROM scratch\nCOPY --from=busybox /bin /bin\nCOPY text /text\nENV FROM_BASE=yes\n`;
    const context = { ...withBusybox(dockerfile), text };
    await work.build(context, ['-o', `type=oci,tar=false,dest=${place}`, '-t', 'made']);
    layout = place;
    const copy = ['--insecure-policy', 'copy', '--dest-tls-verify=false', ...options];
    await tool('skopeo', ...copy, `oci:${place}:latest`, `docker://${to.host}/${name}`);
  };

  before(async () => {
    registry = await Registry.start(work);
    await push(registry, 'team/base:1', 'one');
  });

  const text = async (from: string, ...args: string[]): Promise<string> => {
    const files = await work.files({ Dockerfile: `FROM ${from}\nRUN echo "$FROM_BASE" >>/text\n` }, args);
    return readFileSync(join(files, 'text'), 'utf8');
  };

  test('FROM takes an image from its registry, with its config', async () => {
    assert.equal(await text(`${registry.host}/team/base:1`), 'oneyes\n');
  });

  test('a name means the same until --pull asks anew', async () => {
    const name = `${registry.host}/team/moving:1`;
    await push(registry, 'team/moving:1', 'old');
    assert.equal(await text(name), 'oldyes\n');
    await push(registry, 'team/moving:1', 'new');
    assert.equal(await text(name), 'oldyes\n');
    assert.equal(await text(name, '--pull'), 'newyes\n');
    assert.equal(await text(name), 'newyes\n');
  });

  test('an image may be named by its digest, of which nothing else is taken', async () => {
    const raw = await tool(
      ...(['skopeo', 'inspect', '--raw', '--tls-verify=false'] as const),
      `docker://${registry.host}/team/base:1`,
    );
    const digest = createHash('sha256').update(raw).digest('hex');
    assert.equal(await text(`${registry.host}/team/base@sha256:${digest}`), 'oneyes\n');
  });

  test('to plan a build takes no layer', async () => {
    const other = new Workspace();
    await other.ok(
      'build',
      '--call=llb,format=json',
      other.context({ Dockerfile: `FROM ${registry.host}/team/base:1\n` }),
    );
    const blobs = join(other.store, 'blobs/sha256');
    const sizes = readdirSync(blobs).map(blob => statSync(join(blobs, blob)).size);
    assert.ok(sizes.length >= 2 && Math.max(...sizes) < 10_000, 'only documents are there');
  });

  test('Docker’s own formats are read', async () => {
    await push(registry, 'team/schema2:1', 'two', '--format', 'v2s2');
    assert.equal(await text(`${registry.host}/team/schema2:1`), 'twoyes\n');
  });

  test('64 layers come over a handful of connections', async () => {
    const names = Array.from({ length: 64 }, (_, i) => `file${i}`);
    const context = withBusybox(
      ['FROM scratch', 'COPY --from=busybox /bin /bin', ...names.map(name => `COPY ${name} /`)].join('\n'),
    );
    const reference = `${registry.host}/team/many:1`;
    await work.build({ ...context, ...Object.fromEntries(names.map(name => [name, name])) }, [
      '-t',
      reference,
      '--push',
    ]);
    const proxy = await FaultyProxy.start(work, registry.host);
    const other = new Workspace();
    const files = await other.files(
      { Dockerfile: `FROM ${proxy.host}/team/many:1\nRUN cat /file0 /file63 >/both\n` },
      [],
    );
    assert.equal(readFileSync(join(files, 'both'), 'utf8'), 'file0file63');
    assert.equal(new Set(proxy.asked.filter(each => /GET .*blobs/.test(each))).size, 66);
    assert.ok(proxy.mostConnections <= 8, `${proxy.mostConnections} connections`);
  });

  test('an image that is not there is told with its line and the way out', async () => {
    const { code, stderr } = await work.stagecraft([
      'build',
      work.context({ Dockerfile: `FROM ${registry.host}/team/none:1\n` }),
    ]);
    assert.equal(code, 1);
    assert.match(
      stderr,
      /Dockerfile:1\n(?:.*\n)+ERROR: The base image .*team\/none:1 is not in the local store.*does not exist/,
    );
  });

  test('a blob that is not what the manifest says is refused, and not kept', async () => {
    const other = new Workspace();
    const broken = await Registry.start(work);
    await push(broken, 'broken:1', 'three');
    const manifest = JSON.parse(readFileSync(join(layout, 'index.json'), 'utf8')).manifests[0].digest;
    const { layers } = JSON.parse(readFileSync(join(layout, 'blobs', manifest.replace(':', '/')), 'utf8'));
    const hex = layers.at(-1).digest.slice(7);
    const data = join(broken.directory, 'data/docker/registry/v2/blobs/sha256', hex.slice(0, 2), hex, 'data');
    const bytes = readFileSync(data);
    bytes.writeUInt8(bytes.readUInt8(20) ^ 1, 20);
    writeFileSync(data, bytes);
    const { code, message } = await other.tryBuild({
      Dockerfile: `FROM ${broken.host}/broken:1\nRUN true\n`,
    });
    assert.equal(code, 1);
    assert.match(message, new RegExp(`sha256:${hex} was expected, but the content has the digest sha256:`));
    assert.ok(!readdirSync(join(other.store, 'blobs/sha256')).includes(hex));
    assert.deepEqual(readdirSync(join(other.store, 'ingest')), []);
  });

  test('a private registry is asked with what docker login left, over TLS, through a proxy', async () => {
    const account = { name: 'me', password: 'not-to-be-seen' };
    const secure = await Registry.start(work, { account, tls: true });
    const proxy = await secure.proxy(work);
    const docker = work.path('docker-config');
    const home = work.path('home-config');
    const certificates = join(home, 'containers/certs.d', secure.host);
    mkdirSync(certificates, { recursive: true });
    mkdirSync(docker);
    const env = work.env({
      HTTPS_PROXY: proxy,
      NO_PROXY: '',
      no_proxy: '',
      DOCKER_CONFIG: docker,
      XDG_CONFIG_HOME: home,
    });
    const build = () =>
      work.tryBuild({ Dockerfile: `FROM ${secure.host}/private/base:1\nRUN true\n` }, ['--no-cache'], {
        env,
      });

    assert.match((await build()).message, /registry\.test cannot be reached: .*certificate/);
    writeFileSync(join(certificates, 'ca.crt'), readFileSync(secure.authority));
    assert.match((await build()).message, /registry\.test does not allow pull for private\/base/);

    const auth = Buffer.from(`${account.name}:${account.password}`).toString('base64');
    writeFileSync(join(docker, 'config.json'), JSON.stringify({ auths: { [secure.host]: { auth } } }));
    assert.match((await build()).message, /private\/base:1 does not exist/);

    const copy = [
      '--insecure-policy',
      'copy',
      '--dest-cert-dir',
      certificates,
      '--dest-creds',
      'me:not-to-be-seen',
    ];
    await tool(
      'env',
      `HTTPS_PROXY=${proxy}`,
      'skopeo',
      ...copy,
      `oci:${layout}:latest`,
      `docker://${secure.host}/private/base:1`,
    );
    const { code, stderr } = await build();
    assert.equal(code, 0, stderr);
    assert.ok(!stderr.includes(account.password));
  });

  test('a mirror is asked first, and passed over when it is down', async () => {
    const mirror = await Registry.start(work);
    await push(mirror, 'proxied/team/base:1', 'mirrored');
    const settings = work.path('registries.conf');
    const env = work.env({ CONTAINERS_REGISTRIES_CONF: settings });
    const registryOf = (location: string, other: string) =>
      writeFileSync(
        settings,
        `[[registry]]\nprefix = "${other}"\nlocation = "${registry.host}"\n[[registry.mirror]]\nlocation = "${location}"\n`,
      );
    const build = (name: string) =>
      work.build({ Dockerfile: `FROM ${name}/team/base:1\nRUN cat /text\n` }, [], { env });
    registryOf(`${mirror.host}/proxied`, 'mirrored.test');
    assert.match((await build('mirrored.test')).log, /mirrored/);
    registryOf('127.0.0.1:1/proxied', 'direct.test');
    assert.match((await build('direct.test')).log, /one/);
    const { stderr } = await work.stagecraft(['pull', 'direct.test/none'], { env });
    assert.match(
      stderr,
      /does not exist(?:.*\n)+The mirror 127\.0\.0\.1:1 was asked first: .* cannot be reached/,
    );
    appendFileSync(settings, '[[registry]]\nprefix = "blocked.test"\nblocked = true\n');
    await assert.rejects(build('blocked.test'), /settings of this machine block blocked\.test\/team\/base/);
  });
});

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
