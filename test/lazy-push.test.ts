import assert from 'node:assert/strict';
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { before, suite, test } from 'node:test';
import { withBusybox } from './support/busybox.ts';
import { FaultyProxy } from './support/faulty-proxy.ts';
import { needs } from './support/needs.ts';
import { tool } from './support/program.ts';
import { Registry } from './support/registry.ts';
import { list, Workspace } from './support/workspace.ts';

/** A machine with an empty store that only pushes needs no layer, where a registry or a cache has it. */
suite('layers that only go on to a registry', {
  skip: needs('busybox', 'docker-registry', 'curl', 'skopeo'),
}, () => {
  const work = new Workspace();
  const cache = work.path('cache');
  let registry: Registry;
  let proxy: FaultyProxy;
  let app: Record<string, string | Uint8Array>;

  before(async () => {
    registry = await Registry.start(work);
    proxy = await FaultyProxy.start(work, registry.host);
    await work.build(withBusybox('FROM scratch\nCOPY --chmod=755 busybox /bin/busybox\n'), [
      ...['-t', `${proxy.host}/base:1`, '--push'],
    ]);
    app = {
      Dockerfile: `FROM ${proxy.host}/base:1
RUN ["/bin/busybox", "sh", "-c", "head -c 100000 /dev/urandom >/random"]
COPY --link file /linked/file
ENV KEY=value
`,
      file: 'content',
    };
    const caches = [`type=registry,ref=${proxy.host}/cache:1`, `type=local,dest=${cache}`];
    await work.build(app, [
      ...['-t', `${proxy.host}/app:1`, '--push'],
      ...caches.flatMap(to => ['--cache-to', `${to},mode=max`]),
    ]);
  });

  const manifest = async (name: string, at: string = registry.host): Promise<string> =>
    tool('skopeo', 'inspect', '--raw', '--tls-verify=false', `docker://${at}/${name}`);
  const layersOf = (text: string): string[] =>
    JSON.parse(text).layers.map(({ digest }: { digest: string }) => digest);
  /** Builds on an empty machine; tells which layers came from the registry. */
  const build = async (
    files: typeof app,
    ...args: string[]
  ): Promise<{ other: Workspace; came: string[] }> => {
    const layers = new Set(layersOf(await manifest('app:1')));
    proxy.asked.length = 0;
    const other = new Workspace();
    const { steps } = await other.build(files, args);
    for (const { name, cached } of steps) assert.ok(cached || !/RUN|COPY|FROM/.test(name), name);
    const got = proxy.asked.flatMap(line => /^GET \S+\/blobs\/(sha256:\w+)/.exec(line)?.[1] ?? []);
    assert.deepEqual(list(join(other.store, 'layers')), [], 'nothing was unpacked');
    return { other, came: got.filter(digest => layers.has(digest)) };
  };
  const fromCache = (): string[] => ['--cache-from', `${proxy.host}/cache:1`];

  test('are not even asked for where they are there already', async () => {
    const { other, came } = await build(app, '-t', `${proxy.host}/app:2`, '--push', ...fromCache());
    assert.deepEqual(came, []);
    assert.equal(await manifest('app:2'), await manifest('app:1'));
    assert.deepEqual((await other.ok('images', '-q')).trim(), '', 'what is not here has no name here');
  });

  test('are mounted from another repository of the registry', async () => {
    const { came } = await build(app, '-t', `${proxy.host}/elsewhere:1`, '--push', ...fromCache());
    assert.deepEqual(came, []);
    assert.equal(await manifest('elsewhere:1'), await manifest('app:1'));
    assert.equal(proxy.asked.filter(line => /^POST .*[?&]mount=/.test(line)).length, 3);
  });

  test('pass through to another registry', async () => {
    const target = await Registry.start(work);
    const { other, came } = await build(app, '-t', `${target.host}/app:1`, '--push', ...fromCache());
    assert.equal(came.length, 3);
    assert.equal(await manifest('app:1', target.host), await manifest('app:1'));
    const kept = readdirSync(join(other.store, 'blobs/sha256')).map(name => `sha256:${name}`);
    assert.ok(layersOf(await manifest('app:1')).every(digest => !kept.includes(digest)));
  });

  test('come from a cache that is a directory', async () => {
    const from = ['--cache-from', `type=local,src=${cache}`];
    const { came } = await build(app, '-t', `${proxy.host}/local:1`, '--push', ...from);
    assert.deepEqual(came, []);
    assert.equal(await manifest('local:1'), await manifest('app:1'));
  });

  test('need no cache where they are those of the base image', async () => {
    const labelled = { Dockerfile: `FROM ${proxy.host}/base:1\nLABEL more=yes\n` };
    const { came } = await build(labelled, '-t', `${proxy.host}/labelled:1`, '--push');
    assert.deepEqual(came, []);
    assert.deepEqual(layersOf(await manifest('labelled:1')), layersOf(await manifest('base:1')));
  });

  test('go into another cache, and into an attested image for two platforms, as they lie', async () => {
    const both = ['--platform', 'linux/amd64,linux/arm64', '--provenance=mode=max'];
    const to = `type=registry,ref=${proxy.host}/further:1,mode=min`;
    const plain = { Dockerfile: `FROM ${proxy.host}/base:1\nLABEL more=yes\n` };
    const { came } = await build(plain, ...both, '-t', `${proxy.host}/both:1`, '--push');
    assert.deepEqual(came, []);
    assert.equal(JSON.parse(await manifest('both:1')).manifests.length, 4);
    await build(app, '-t', `${proxy.host}/app:3`, '--push', ...fromCache(), '--cache-to', to);
    const further = ['--cache-from', `${proxy.host}/further:1`];
    await build(app, '-t', `${proxy.host}/app:4`, '--push', ...further);
    assert.equal(await manifest('app:4'), await manifest('app:1'));
  });

  test('come, or are made anew, where they are lost', async () => {
    const lost = work.path('lost');
    await tool('cp', '-r', cache, lost);
    for (const digest of layersOf(await manifest('app:1')).slice(1))
      rmSync(join(lost, 'blobs', digest.replace(':', '/')));
    const target = await Registry.start(work);
    const other = new Workspace();
    const from = ['--cache-from', `type=local,src=${lost}`];
    const { steps } = await other.build(app, ['-t', `${target.host}/app:1`, '--push', ...from]);
    assert.ok(steps.some(({ name, cached }) => /RUN/.test(name) && !cached));
    const made = await manifest('app:1', target.host);
    assert.notEqual(made, await manifest('app:1'));
    assert.equal(layersOf(made).length, 3);
  });
});
