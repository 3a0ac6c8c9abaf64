import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, suite, test } from 'node:test';
import { withBusybox } from './support/busybox.ts';
import { startGithubCache } from './support/github-cache.ts';
import { needs } from './support/needs.ts';
import { tool } from './support/program.ts';
import { Registry } from './support/registry.ts';
import { startS3 } from './support/s3.ts';
import { makeUser, needsUsers } from './support/users.ts';
import { type Build, Workspace } from './support/workspace.ts';

const skip = needs('busybox', 'docker-registry', 'curl', 'skopeo');

/** The build stage's result is not a part of the image; only a file of it is. */
const dockerfile = `FROM scratch AS base
COPY --from=busybox /bin /bin
FROM base AS build
WORKDIR /src
COPY source .
RUN sed s/a/b/g source >made && head -c 3000000 /dev/urandom >big
FROM base
COPY --from=build /src/made /made
RUN cat /made >/copy
ENTRYPOINT ["/copy"]
`;

/** A program and its sources, in a directory of its own each time. */
const project = (more = '', source = 'aaa') => ({ ...withBusybox(dockerfile + more), source });

const ran = ({ steps }: Build): string[] =>
  steps.filter(step => !step.cached && /^\[.*(RUN|COPY|WORKDIR)/.test(step.name)).map(step => step.name);

/** Bytes of the blobs that a store has fetched or made. */
const largest = (work: Workspace): number =>
  Math.max(...readdirSync(join(work.store, 'blobs/sha256')).map(name => sizeOf(work, name)));
const sizeOf = (work: Workspace, name: string): number =>
  readFileSync(join(work.store, 'blobs/sha256', name)).length;

suite('caches that machines share', { skip }, () => {
  const first = new Workspace();
  let registry: Registry;
  let s3: string;
  before(async () => {
    registry = await Registry.start(first);
    const { endpoint } = await startS3(first);
    const keys = 'access_key_id=S3RVER,secret_access_key=S3RVER';
    s3 = `type=s3,bucket=cache,region=local,endpoint_url=${endpoint},use_path_style=true,${keys},name=tests`;
  });

  const ways = {
    S3: () => ({ to: s3, from: s3 }),
    registry: () => ({ to: `type=registry,ref=${registry.host}/cache:1`, from: `${registry.host}/cache:1` }),
    'registry, as an index': () => {
      const ref = `type=registry,ref=${registry.host}/index:1`;
      return { to: `${ref},image-manifest=false`, from: ref };
    },
    'registry, with Docker’s media types': () => {
      const ref = `type=registry,ref=${registry.host}/docker:1`;
      return { to: `${ref},oci-mediatypes=false`, from: ref };
    },
    'directory, zstd': () => {
      const place = first.path('cache-directory');
      return { to: `type=local,dest=${place},compression=zstd`, from: `type=local,src=${place}` };
    },
  };

  for (const [name, way] of Object.entries(ways)) {
    test(`${name}: a machine with an empty store runs nothing that another one ran`, async () => {
      const { to, from } = way();
      const one = new Workspace();
      const image = ['-t', 'app', '-o', 'type=image'];
      await one.build(project(), ['--cache-to', `${to},mode=max`, ...image]);
      const two = new Workspace();
      const again = await two.build(project(), ['--cache-from', from, ...image]);
      assert.deepEqual(ran(again), []);
      assert.ok(largest(two) < 2_500_000, 'what only the build stage has was not fetched');
      const digest = async (work: Workspace) => JSON.parse(await work.ok('inspect', 'app')).at(0).Id;
      assert.equal(await digest(two), await digest(one));
    });

    test(`${name}: what changed runs, and takes from the cache what it stands on`, async () => {
      const { from } = way();
      const two = new Workspace();
      const changed = project('RUN cat /copy /made >/both\n');
      const build = await two.build(changed, ['--cache-from', from, '-o', two.path('files')]);
      assert.deepEqual(
        ran(build).map(step => step.replace(/^.*\] /, '')),
        ['RUN cat /copy /made >/both'],
      );
      assert.equal(readFileSync(two.path('files/both'), 'utf8'), 'bbbbbb');
    });
  }

  test('an image carries its own cache, and is found by its name', async () => {
    const name = `${registry.host}/app:inline`;
    const one = new Workspace();
    await one.build(project(), ['--cache-to', 'type=inline', '--push', '-t', name]);
    const two = new Workspace();
    const again = await two.build(project('RUN cat /copy\n'), ['--cache-from', name]);
    // The image has no layer of the build stage, whose result is needed for nothing that is in the image.
    assert.deepEqual(
      ran(again).map(step => step.replace(/^.*\] /, '')),
      ['RUN cat /copy'],
    );
  });

  test('BUILDKIT_INLINE_CACHE=1 means the same', async () => {
    const name = `${registry.host}/app:argument`;
    await new Workspace().build(project(), ['--build-arg', 'BUILDKIT_INLINE_CACHE=1', '--push', '-t', name]);
    const { stdout } = await tool(
      'skopeo',
      'inspect',
      '--config',
      '--raw',
      '--tls-verify=false',
      `docker://${name}`,
    ).then(stdout => ({ stdout }));
    const records = JSON.parse(
      Buffer.from(JSON.parse(stdout)['moby.buildkit.cache.v0'], 'base64').toString(),
    );
    assert.ok(records.length > 0);
  });

  test('mode=min keeps what the image has, mode=max all', async () => {
    const one = new Workspace();
    const [min, max] = [one.path('min'), one.path('max')];
    await one.build(project(), [
      '--cache-to',
      `type=local,dest=${min}`,
      '--cache-to',
      `type=local,dest=${max},mode=max`,
    ]);
    const size = (directory: string): number =>
      readdirSync(join(directory, 'blobs/sha256'))
        .map(name => readFileSync(join(directory, 'blobs/sha256', name)).length)
        .reduce((a, b) => a + b);
    assert.ok(size(max) - size(min) > 2_900_000);
  });

  test('a cache is handed on without being fetched', async () => {
    const one = new Workspace();
    const [from, to] = [`${registry.host}/hand:1`, `${registry.host}/hand:2`];
    await one.build(project(), ['--cache-to', `type=registry,ref=${from},mode=max`]);
    const two = new Workspace();
    const args = ['--cache-from', from, '-o', 'type=cacheonly'];
    const again = await two.build(project(), [...args, '--cache-to', `type=registry,ref=${to},mode=max`]);
    assert.deepEqual(ran(again), []);
    assert.deepEqual(readdirSync(join(two.store, 'blobs/sha256')), []);
    const three = new Workspace();
    assert.deepEqual(ran(await three.build(project(), ['--cache-from', to])), []);
  });

  test('tags keep caches in one directory apart, and reset removes what none of them names', async () => {
    const one = new Workspace();
    const place = one.path('tags');
    const to = (tag: string, more = '') => [
      '--cache-to',
      `type=local,dest=${place},mode=max,tag=${tag}${more}`,
    ];
    const from = (tag: string) => ['--cache-from', `type=local,src=${place},tag=${tag}`];
    await one.build(project(), to('one'));
    await one.build(project('', 'other'), to('two'));
    for (const [tag, source] of [
      ['one', 'aaa'],
      ['two', 'other'],
    ] as const)
      assert.deepEqual(ran(await new Workspace().build(project('', source), from(tag))), []);
    const before = readdirSync(join(place, 'blobs/sha256')).length;
    await one.build(project('', 'third'), to('two', ',reset=true'));
    assert.ok(readdirSync(join(place, 'blobs/sha256')).length < before + 6);
    const { manifests } = JSON.parse(readFileSync(join(place, 'index.json'), 'utf8'));
    assert.equal(manifests.length, 2);
    const digest = manifests[0].digest;
    const byDigest = ['--cache-from', `type=local,src=${place},digest=${digest}`];
    assert.deepEqual(ran(await new Workspace().build(project(), byDigest)), []);
  });

  test('a cache that cannot be read is told of, and does no harm', async () => {
    for (const from of [`${registry.host}/none:1`, 'type=local,src=/nowhere', '127.0.0.1:1/none:1']) {
      const build = await new Workspace().build(project(), ['--cache-from', from]);
      assert.ok(ran(build).length > 3);
      assert.match(build.stderr, /"name":"importing cache manifest from [^}]*"error":"/, from);
    }
  });

  test('a cache that cannot be written fails the build, unless errors are to be ignored', async () => {
    const one = new Workspace();
    const to = ['--cache-to', 'type=registry,ref=127.0.0.1:1/none:1'];
    assert.match((await one.tryBuild(project(), to)).message, /127\.0\.0\.1:1/);
    await one.build(project(), [to[0]!, `${to[1]},ignore-error=true`]);
  });

  test('a layer that is not what the cache says is not kept: the step runs', async () => {
    const one = new Workspace();
    const place = one.path('lies');
    await one.build(project(), ['--cache-to', `type=local,dest=${place},mode=max`]);
    for (const name of readdirSync(join(place, 'blobs/sha256'))) {
      const path = join(place, 'blobs/sha256', name);
      const bytes = readFileSync(path);
      // Documents are as they were.
      if (bytes[0] === '{'.charCodeAt(0)) continue;
      bytes.writeUInt8(bytes.readUInt8(20) ^ 1, 20);
      writeFileSync(path, bytes);
    }
    const two = new Workspace();
    const args = ['--cache-from', `type=local,src=${place}`, '-o', two.path('files')];
    const build = await two.build(project(), args);
    assert.ok(ran(build).length > 3);
    assert.equal(readFileSync(two.path('files/copy'), 'utf8'), 'bbb');
    assert.deepEqual(readdirSync(join(two.store, 'ingest')), []);
    rmSync(place, { recursive: true });
    assert.ok(!existsSync(place));
    assert.deepEqual(ran(await two.build(project())), []);
  });

  test('a change that makes the same files costs no more than itself', async () => {
    const one = new Workspace();
    const place = one.path('content');
    await one.build(project(), ['--cache-to', `type=local,dest=${place},mode=max`]);
    const two = new Workspace();
    // Another source, of which the same is made.
    const build = await two.build(project('', 'aab'), ['--cache-from', `type=local,src=${place}`]);
    assert.deepEqual(
      ran(build).map(step => step.replace(/^.*\] /, '').split(' ')[0]),
      ['COPY', 'RUN'],
    );
  });

  test('GitHub’s cache: what one job made another one finds, and what another job changed wins', async () => {
    const github = await startGithubCache(first);
    const run = async (source: string): Promise<string[]> => {
      const work = new Workspace();
      const args = ['--cache-from', 'type=gha', '--cache-to', 'type=gha,mode=max'];
      return ran(await work.build(project('', source), args, { env: work.env(github.env) }));
    };
    const written = () => github.calls.filter(call => call === 'CreateCacheEntry').length;
    assert.ok((await run('aaa')).length > 3);
    const before = written();
    assert.deepEqual(await run('aaa'), []);
    assert.equal(written(), before + 1, 'layers that are there are not sent again');
    assert.ok((await run('bab')).length > 0);
    assert.deepEqual(await run('bab'), []);
  });

  test('GitHub’s cache: with a token for its API all blobs are listed at once', async () => {
    const github = await startGithubCache(first);
    const to = ['--cache-to', 'type=gha,mode=max,ghtoken=rest,repository=team/app,version=2'];
    const work = new Workspace();
    await work.build(project(), to, { env: work.env(github.env) });
    const written = github.calls.filter(call => call === 'CreateCacheEntry').length;
    github.calls.length = 0;
    await work.build(project(), to, { env: work.env(github.env) });
    const asked = (method: string) => github.calls.filter(call => call === method).length;
    assert.ok(written > 3 && asked('list') > 1);
    assert.deepEqual([asked('CreateCacheEntry'), asked('GetCacheEntryDownloadURL')], [1, 1]);
  });

  test('GitHub’s cache: elsewhere than on its runners it is no cache, and no mistake', async () => {
    const args = ['--cache-from', 'type=gha', '--cache-to', 'type=gha'];
    const { stderr } = await new Workspace().build(project(), args);
    assert.doesNotMatch(stderr, /GitHub|gha/);
  });

  test('an ordinary user shares caches too', { skip: needsUsers || needs('newuidmap') }, async () => {
    const user = makeUser('subordinate');
    const to = `${registry.host}/user:1`;
    const one = new Workspace(user);
    await one.build(project(), ['--cache-to', `type=registry,ref=${to},mode=max`]);
    const two = new Workspace(user);
    const args = ['--cache-from', to, '-o', two.path('files')];
    assert.deepEqual(ran(await two.build(project(), args)), []);
    assert.equal(readFileSync(two.path('files/copy'), 'utf8'), 'bbb');
    const three = new Workspace();
    assert.deepEqual(ran(await three.build(project(), ['--cache-from', to])), []);
  });

  test('platforms share a cache, and take from it what is theirs', async () => {
    const platforms = ['--platform', 'linux/amd64,linux/arm64'];
    const files = {
      Dockerfile: 'FROM scratch\nARG TARGETARCH\nCOPY $TARGETARCH /architecture\nCOPY both /both\n',
      amd64: 'amd64',
      arm64: 'arm64',
      both: 'both',
    };
    const to = `${registry.host}/platforms:1`;
    const out = (work: Workspace) => [...platforms, '-o', `type=oci,tar=false,dest=${work.path('layout')}`];
    const one = new Workspace();
    await one.build(files, [...out(one), '--cache-to', `type=registry,ref=${to}`]);
    const two = new Workspace();
    assert.deepEqual(ran(await two.build(files, [...out(two), '--cache-from', to])), []);
    const layers = (work: Workspace): unknown => {
      const read = (digest: string) =>
        JSON.parse(readFileSync(work.path('layout/blobs', digest.replace(':', '/')), 'utf8'));
      const [{ digest }] = JSON.parse(readFileSync(work.path('layout/index.json'), 'utf8')).manifests;
      return read(digest).manifests.map((part: { digest: string }) => read(part.digest).layers);
    };
    assert.deepEqual(layers(two), layers(one));
  });
});
