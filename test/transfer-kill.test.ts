import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { before, suite, type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { digestOf } from '../src/util/digest.ts';
import { withBusybox } from './support/busybox.ts';
import { needs } from './support/needs.ts';
import { tool } from './support/program.ts';
import { Registry } from './support/registry.ts';
import { SlowProxy } from './support/slow-proxy.ts';
import { Workspace } from './support/workspace.ts';

const skip = needs('busybox', 'docker-registry', 'curl', 'skopeo');
/** `KILL_ROUNDS=50 node --test test/transfer-kill.test.ts` is the whole campaign. */
const rounds = Number(process.env.KILL_ROUNDS ?? 4);
const layers = 3;
const layerSize = 3 << 19;

suite('kill -9 in the middle of transfers', { skip }, () => {
  const work = new Workspace();
  let registry: Registry;
  let proxy: SlowProxy;
  let name: string;

  const context = (round: number) => ({
    ...withBusybox(
      [
        'FROM scratch',
        'COPY --from=busybox /bin /bin',
        ...Array.from({ length: layers }, (_, n) => `COPY ${n} /${n}`),
        `COPY round /round`,
      ].join('\n'),
    ),
    ...Object.fromEntries(Array.from({ length: layers }, (_, n) => [String(n), content[n]!])),
    round: `${round}`,
  });
  const content = Array.from({ length: layers }, () => randomBytes(layerSize));

  before(async () => {
    registry = await Registry.start(work);
    proxy = await SlowProxy.start(work, registry.host);
    name = `${proxy.host}/app:1`;
    await work.build(context(0), ['-t', `${registry.host}/app:1`, '--push']);
  });

  /** How long a command took that nobody killed; milliseconds. */
  const durations = new Map<string, number>();

  const isOnLine = (kind: string): boolean => !/file|directory/.test(kind);

  /** Starts a command and kills it: after some time, or when something has passed the line. False where it was faster. */
  async function kill(store: Workspace, kind: string, args: string[]): Promise<boolean> {
    proxy.reset();
    const running = store.start(args);
    const moment = Promise.withResolvers<void>();
    if (isOnLine(kind) && Math.random() < 0.7) {
      const bytes = Math.random() * layers * layerSize;
      proxy.watch = done => done >= bytes && moment.resolve();
    } else sleep(Math.random() * (durations.get(kind) ?? 1000)).then(moment.resolve);
    await Promise.race([moment.promise, running.outcome]);
    running.child.kill('SIGKILL');
    const { signal } = await running.outcome;
    return signal === 'SIGKILL';
  }

  /** The next try, with no help. */
  async function again(store: Workspace, kind: string, args: string[]): Promise<void> {
    proxy.reset();
    const begun = performance.now();
    await store.ok(...args);
    durations.set(kind, performance.now() - begun);
  }

  /** What a store has, by digest; all that is under a digest must have it. */
  function blobsOf(store: Workspace): Map<string, number> {
    const place = join(store.store, 'blobs/sha256');
    if (!existsSync(place)) return new Map();
    const blobs = readdirSync(place).map(hex => {
      const bytes = readFileSync(join(place, hex));
      assert.equal(digestOf(bytes), `sha256:${hex}`, 'what lies under a digest is whole');
      return [hex, bytes.length] as const;
    });
    return new Map(blobs);
  }

  /** What a store has of blobs that did not come to their end. */
  function partsOf(store: Workspace): Map<string, number> {
    const place = join(store.store, 'ingest');
    if (!existsSync(place)) return new Map();
    const names = readdirSync(place).filter(file => file.startsWith('part-'));
    return new Map(names.map(file => [file.slice(5), statSync(join(place, file)).size]));
  }

  async function takes(kind: string, args: (store: Workspace) => string[]): Promise<string> {
    const store = new Workspace();
    const killed = await kill(store, kind, args(store));
    const [blobs, parts] = [blobsOf(store), partsOf(store)];
    await store.ok('du');
    const isPruned = Math.random() < 0.2;
    if (isPruned) {
      await store.ok('prune', '--force');
      assert.deepEqual(readdirSync(join(store.store, 'ingest')), []);
      parts.clear();
    }
    await again(store, kind, args(store));
    const had = isPruned ? blobsOf(store) : blobs;
    let [arrived, fetched] = [0, 0];
    for (const { what, down } of proxy.passed) {
      const [, hex, from] = /^GET \S+\/blobs\/sha256:([0-9a-f]+)(?: bytes=([0-9]+)-)?$/.exec(what) ?? [];
      if (hex === undefined) continue;
      fetched += down;
      if (isPruned) continue;
      assert.ok(!had.has(hex), `${hex} was there and is asked for again`);
      assert.equal(Number(from ?? 0), parts.get(hex) ?? 0, 'what arrived is not asked for again');
    }
    for (const size of [...blobs.values(), ...parts.values()]) arrived += size;
    await wholeAfter(store);
    return `${killed ? 'killed' : 'done'} with ${kb(arrived)} in ${blobs.size} blobs and ${parts.size} parts${isPruned ? ', pruned' : ''}; fetched ${kb(fetched)} more`;
  }

  async function wholeAfter(store: Workspace): Promise<void> {
    assert.deepEqual([...partsOf(store)], []);
    blobsOf(store);
    await store.ok('prune', '--force');
    assert.deepEqual(readdirSync(join(store.store, 'ingest')), []);
  }

  /** Blobs of a repository, as the registry has them on its disk. */
  function sentTo(repository: string): Set<string> {
    const place = join(
      registry.directory,
      'data/docker/registry/v2/repositories',
      repository,
      '_layers/sha256',
    );
    return new Set(existsSync(place) ? readdirSync(place) : []);
  }

  async function gives(kind: string, repository: string, store: Workspace, args: string[]): Promise<string> {
    const killed = await kill(store, kind, args);
    await sleep(50);
    const [there, blobs] = [sentTo(repository), blobsOf(store)];
    const inodes = [...blobs.keys()].map(hex => statSync(join(store.store, 'blobs/sha256', hex)).ino);
    await again(store, kind, args);
    let sent = 0;
    for (const { what, up } of proxy.passed) {
      sent += up;
      const [, hex] = /^(?:PUT|PATCH) \S+\/uploads\/\S*digest=sha256%3A([0-9a-f]+)/.exec(what) ?? [];
      assert.ok(hex === undefined || !there.has(hex), `${hex} was there and is sent again`);
    }
    for (const [hex] of blobs) statSync(join(store.store, 'blobs/sha256', hex));
    const after = [...blobs.keys()].map(hex => statSync(join(store.store, 'blobs/sha256', hex)).ino);
    assert.deepEqual(after, inodes, 'what was packed is not packed again');
    return `${killed ? 'killed' : 'done'} with ${there.size} blobs in the registry and ${blobs.size} packed; sent ${kb(sent)} more`;
  }

  const kinds: Record<string, (round: number) => Promise<string>> = {
    pull: () => takes('pull', () => ['pull', name]),
    push: async round => {
      const store = new Workspace();
      const target = `${proxy.host}/pushed-${round}:1`;
      await store.ok('pull', `${registry.host}/app:1`);
      await store.ok('tag', `${registry.host}/app:1`, target);
      const told = await gives('push', `pushed-${round}`, store, ['push', target]);
      await isThere(target);
      return told;
    },
    'build --push': async round => {
      const target = `${proxy.host}/built-${round}:1`;
      const args = ['build', '-t', target, '--push', work.context(context(round))];
      const told = await gives('build --push', `built-${round}`, new Workspace(), args);
      await isThere(target);
      return told;
    },
    'export a cache': async round => {
      const store = new Workspace();
      const target = `${proxy.host}/cache-${round}:1`;
      const dockerfile = context(round);
      const args = ['build', '--cache-to', `type=registry,ref=${target},mode=max`, work.context(dockerfile)];
      const told = await gives('export a cache', `cache-${round}`, store, args);
      const { steps } = await new Workspace().build(dockerfile, ['--cache-from', target]);
      assert.deepEqual(
        steps.filter(step => !step.cached && /COPY|RUN/.test(step.name)),
        [],
      );
      return told;
    },
    'export a file': async round => {
      const store = new Workspace();
      const place = store.path('out');
      const file = join(place, 'image.tar');
      const args = ['build', '-o', `type=oci,dest=${file}`, work.context(context(round))];
      const killed = await kill(store, 'export a file', args);
      const early = existsSync(file);
      if (early) await tool('skopeo', 'inspect', `oci-archive:${file}`);
      await again(store, 'export a file', args);
      await tool('skopeo', 'inspect', `oci-archive:${file}`);
      assert.deepEqual(readdirSync(place), ['image.tar']);
      await wholeAfter(store);
      return `${killed ? 'killed' : 'done'}, ${early ? 'a whole file' : 'no file'} there`;
    },
    'build FROM it': () => {
      const dockerfile = { Dockerfile: `FROM ${name}\nRUN cat /[0-9] | wc -c\n` };
      return takes('build FROM it', store => ['build', store.context(dockerfile)]);
    },
    'export a cache to a directory': async round => {
      const store = new Workspace();
      const place = store.path('cache');
      const dockerfile = context(round);
      const args = ['build', '--cache-to', `type=local,dest=${place},mode=max`, work.context(dockerfile)];
      const killed = await kill(store, 'export a cache to a directory', args);
      await again(store, 'export a cache to a directory', args);
      assert.ok(!existsSync(join(place, 'ingest')));
      const { steps } = await new Workspace().build(dockerfile, ['--cache-from', `type=local,src=${place}`]);
      assert.deepEqual(
        steps.filter(step => !step.cached && /COPY|RUN/.test(step.name)),
        [],
      );
      return killed ? 'killed' : 'done';
    },
  };

  async function isThere(target: string): Promise<void> {
    const place = work.path(`copy-${target.replace(/\W/g, '-')}`);
    const args = ['--insecure-policy', 'copy', '--src-tls-verify=false'];
    await tool('skopeo', ...args, `docker://${target.replace(proxy.host, registry.host)}`, `dir:${place}`);
  }

  const names = Object.keys(kinds);
  for (let round = 1; round <= rounds; round++) {
    const kind = names[(round - 1) % names.length]!;
    test(`${kind}, round ${round}: the next try goes on with what there is`, async (t: TestContext) => {
      t.diagnostic(`${kind}: ${await kinds[kind]!(round)}`);
    });
  }
});

function kb(bytes: number): string {
  return `${(bytes / 1024).toFixed()} KiB`;
}
