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
