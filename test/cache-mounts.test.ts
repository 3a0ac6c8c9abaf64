import assert from 'node:assert/strict';
import { chmodSync, existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, suite, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { withBusybox } from './support/busybox.ts';
import { startGithubCache } from './support/github-cache.ts';
import { needs } from './support/needs.ts';
import { Registry } from './support/registry.ts';
import { startS3 } from './support/s3.ts';
import { makeUser, needsUsers, unreachableFor } from './support/users.ts';
import { type Build, list, Workspace } from './support/workspace.ts';

const skip = needs('busybox', 'docker-registry');

/**
 * A step that fills its cache mounts when they are empty, and tells what it found in them. Its argument makes it another
 * step, which runs.
 */
const project = (turn: string, more = '') =>
  withBusybox(`FROM busybox AS work
RUN --mount=type=cache,id=packages,target=/packages,sharing=locked \\
    --mount=type=cache,target=/own,uid=1000,gid=1001,mode=0711 \\
    echo "turn ${turn} found $(cat /packages/turns 2>/dev/null | tr '\\n' ' '), $(ls /packages/many 2>/dev/null | wc -l) files, $(stat -c '%a %u:%g' /packages/many/7 2>/dev/null), $(readlink /packages/link)" && \\
    echo ${turn} >>/packages/turns && echo ${turn} >>/own/turns && stat -c 'own %a %u:%g' /own && \\
    { [ -e /packages/many ] || { mkdir /packages/many && cd /packages/many && \\
      for i in $(seq 200); do head -c 20000 /dev/urandom >$i; done && chown 7:8 7 && chmod 640 7 && ln -s many/7 ../link; }; } && \\
    cp /packages/turns /made
${more}`);

const found = ({ log }: Build): string | undefined => /^turn .*$/m.exec(log)?.[0];

suite('cache mounts that machines share', { skip }, () => {
  const first = new Workspace();
  let registry: Registry;
  let s3: { endpoint: string; directory: string };
  let github: Record<string, string>;
  /** A cache that one machine has made, to be read only. */
  const shared = first.path('shared');
  const fromShared = ['--cache-from', `type=local,src=${shared}`];
  before(async () => {
    // Ordinary users read it too.
    chmodSync(first.directory, 0o755);
    await first.build(project('one'), ['--cache-to', `type=local,dest=${shared},mounts=true`]);
    registry = await Registry.start(first);
    s3 = await startS3(first);
    github = (await startGithubCache(first)).env;
  });

  /** For each place the attributes of a cache in it, and the bytes that it has. */
  const places = {
    directory: () => {
      const place = first.path('cache-directory');
      return {
        to: `type=local,dest=${place}`,
        from: `type=local,src=${place}`,
        size: () => sizeOf(join(place, 'blobs')),
      };
    },
    registry: () => {
      const ref = `type=registry,ref=${registry.host}/mounts:1`;
      return { to: ref, from: ref, size: () => sizeOf(registry.directory) };
    },
    S3: () => {
      const keys = 'access_key_id=S3RVER,secret_access_key=S3RVER';
      const at = `type=s3,bucket=cache,region=local,endpoint_url=${s3.endpoint},use_path_style=true,${keys}`;
      return { to: at, from: at, size: () => sizeOf(s3.directory) };
    },
    'GitHub’s cache': () => ({ to: 'type=gha', from: 'type=gha', size: undefined }),
  };

  for (const [name, place] of Object.entries(places))
    test(`${name}: a step on another machine finds what was in its mounts, and little is sent`, async () => {
      const { to, from, size } = place();
      const run = async (turn: string) => {
        const work = new Workspace();
        const args = ['--cache-from', from, '--cache-to', `${to},mounts=true`, '-o', 'type=cacheonly'];
        return work.build(project(turn), args, { env: github });
      };
      assert.match(found(await run('one')) ?? '', /^turn one found , 0 files, , $/);
      const before = size?.();
      assert.ok(before === undefined || before > 4_000_000);
      const second = await run('two');
      assert.equal(found(second), 'turn two found one , 200 files, 640 7:8, many/7');
      assert.match(second.log, /^own 711 1000:1001$/m);
      if (before !== undefined) assert.ok(size!() - before < 100_000, `${size!() - before} bytes were sent`);
      if (name !== 'registry') return;
      // Nothing runs on the next machine, so nothing is restored there; what the others had is not lost.
      assert.equal(found(await run('two')), undefined);
      assert.equal(found(await run('three')), 'turn three found one two , 200 files, 640 7:8, many/7');
    });

  test('only the ids that are asked for travel, and only where they are wanted', async () => {
    const place = first.path('chosen');
    const to = `type=local,dest=${place},"mounts=packages;none"`;
    const sent = await new Workspace().build(project('one'), ['--cache-to', to]);
    assert.match(sent.stderr, /no step has the cache mount none/);
    const titles = ({ stderr }: Build) =>
      [...stderr.matchAll(/"name":"restoring cache mount (.*?) from/g)].map(([, id]) => id);
    const again = await new Workspace().build(project('two'), ['--cache-from', `type=local,src=${place}`]);
    assert.deepEqual([...new Set(titles(again))], ['packages']);
    assert.match(found(again)!, /200 files/);
    const without = await new Workspace().build(project('two'), [
      '--cache-from',
      `type=local,src=${shared},mounts=false`,
    ]);
    assert.match(found(without)!, / 0 files/);
  });

  test('a mount that the store has stays as it is', async () => {
    const two = new Workspace();
    await two.build(project('here'));
    assert.match(found(await two.build(project('two'), fromShared))!, /^turn two found here , /);
  });

  test('what a place has lost or changed is told of, and the mount begins empty', async () => {
    const one = new Workspace();
    const place = first.path('lies');
    await one.build(project('one'), ['--cache-to', `type=local,dest=${place},mounts=true`]);
    for (const name of readdirSync(join(place, 'blobs/sha256'))) {
      const path = join(place, 'blobs/sha256', name);
      const bytes = readFileSync(path);
      if (bytes.length < 1_000_000) continue;
      bytes.writeUInt8(bytes.readUInt8(1000) ^ 1, 1000);
      writeFileSync(path, bytes);
    }
    const two = new Workspace();
    const args = [
      '--cache-from',
      `type=local,src=${place}`,
      '--cache-to',
      `type=local,dest=${place},mounts=true`,
    ];
    const build = await two.build(project('two'), args);
    assert.match(found(build)!, /^turn two found , 0 files/);
    assert.match(build.stderr, /"name":"restoring cache mount packages [^}]*"error":"The blob sha256:/);
    assert.deepEqual(readdirSync(join(two.store, 'ingest')), []);
    assert.ok(readdirSync(join(two.store, 'mounts')).every(name => !name.endsWith('.new')));
    assert.equal(
      found(await new Workspace().build(project('three'), args.slice(0, 2))),
      'turn three found two , 200 files, 640 7:8, many/7',
    );
  });

  test('kill -9 in the middle of a restore leaves nothing that counts', async () => {
    const two = new Workspace();
    const context = two.context(project('two'));
    const running = two.start(['build', '--progress=rawjson', ...fromShared, context]);
    const mounts = join(two.store, 'mounts');
    const isRestoring = () => existsSync(mounts) && readdirSync(mounts).some(name => name.endsWith('.new'));
    while (running.child.exitCode === null && !isRestoring()) await sleep(2);
    running.child.kill('SIGKILL');
    await running.outcome;
    const again = await two.build(context, ['--no-cache-filter=work', ...fromShared]);
    assert.match(found(again)!, /^turn two found one (two )?, 200 files, 640 7:8, many\/7$/);
    assert.ok(!isRestoring());
  });

  test('prune removes a restored mount as any other', async () => {
    const two = new Workspace();
    await two.build(project('two'), fromShared);
    assert.match(await two.ok('du'), /Cache mounts +2 /);
    await two.ok('prune', '--all', '--force');
    assert.deepEqual(readdirSync(join(two.store, 'mounts')), []);
  });

  test('an image carries no cache mounts, and who asks for it is told where they can go', async () => {
    const { message } = await first.tryBuild(project('one'), ['--cache-to', 'type=inline,mounts=true']);
    assert.match(message, /no place for cache mounts/);
    assert.match(message, /type=registry/);
  });

  const unreachable = needsUsers || undefined;
  for (const ids of ['subordinate', 'single'] as const)
    test(`a user with ${ids} ids sends and finds them too`, { skip: unreachable }, async t => {
      const user = makeUser(ids);
      const reason = unreachableFor(user);
      if (reason) return t.skip(reason);
      const to = `type=registry,ref=${registry.host}/mounts-${ids}:1`;
      const two = new Workspace(user);
      // As an index, which old registries want, it serves as well.
      const send = ['--cache-to', `${to},mounts=true,image-manifest=false`];
      const sent = await two.build(project('two'), [...fromShared, ...send]);
      // Where there is one id, programs see root everywhere.
      const owner = ids === 'single' ? '0:0' : '7:8';
      assert.equal(found(sent), `turn two found one , 200 files, 640 ${owner}, many/7`);
      // Nothing is left to do but to look into the mounts, which are not the user's outside of a namespace.
      assert.equal(found(await two.build(project('two'), send)), undefined);
      const three = await new Workspace().build(project('three'), ['--cache-from', to]);
      assert.equal(found(three), 'turn three found one two , 200 files, 640 7:8, many/7');
    });
});

/** Bytes of all files below a directory. */
function sizeOf(directory: string): number {
  if (!existsSync(directory)) return 0;
  return list(directory)
    .map(path => statSync(join(directory, path)))
    .reduce((sum, stat) => sum + (stat.isFile() ? stat.size : 0), 0);
}
