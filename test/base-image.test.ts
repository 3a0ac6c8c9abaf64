// Real packages from the mirror of this machine's apt, real dpkg in the sandbox.
import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { CacheRecords } from '../src/cache/records.ts';
import { readAptConfig } from '../src/debian/apt-config.ts';
import { findArchives } from '../src/debian/archive.ts';
import { assembleBase, type BaseRequest, type BaseResult } from '../src/debian/assemble.ts';
import { fetchSmall } from '../src/debian/download.ts';
import { createFetcher } from '../src/debian/fetcher.ts';
import { readBytes, readText, walk } from '../src/debian/image-files.ts';
import { chooseSandbox } from '../src/sandbox/choose.ts';
import { openLayerStore } from '../src/snapshot/layer-store.ts';
import { ownership } from '../src/snapshot/ownership.ts';
import type { FileTree, LayerStore } from '../src/snapshot/types.ts';
import { openStore, type Store } from '../src/store/store.ts';
import { digestOf } from '../src/util/digest.ts';
import { makeUser, needsUsers, unreachableFor } from './support/users.ts';
import { Workspace } from './support/workspace.ts';

let root: string;
const stores: Store[] = [];
before(() => {
  root = mkdtempSync(join(tmpdir(), 'stagecraft-base-'));
});
after(() => {
  for (const store of stores) store.close();
  rmSync(root, { recursive: true });
});

/** Why this machine cannot assemble an image; nothing where it can. */
async function obstacle(): Promise<string | false> {
  if (ownership().kind === 'single') return 'needs root, or a user namespace with subordinate ids';
  try {
    const config = readAptConfig('/etc/apt');
    const request = { suite: 'bookworm', components: ['main'], architecture: 'amd64', keyrings: [] };
    const [archive] = findArchives(request, '/etc/apt', config);
    const fetcher = createFetcher({
      config,
      credentials: [],
      env: process.env,
      signal: AbortSignal.timeout(10_000),
    });
    await fetchSmall(fetcher, `${archive!.uri}/dists/bookworm/Release.gpg`);
    fetcher.close();
    return false;
  } catch (error) {
    return `no mirror can be reached: ${(error as Error).message}`;
  }
}

const skip = await obstacle();

interface Made extends BaseResult {
  readonly layers: LayerStore;
  readonly tree: FileTree;
}

async function assemble(storeName: string, change: Partial<BaseRequest>): Promise<Made> {
  const store = openStore(join(root, storeName));
  stores.push(store);
  const layers = openLayerStore(store);
  const result = await assembleBase(
    { suite: 'bookworm', flavour: 'full', include: [], ...change },
    {
      store,
      layers,
      records: new CacheRecords(store, Date.now()),
      sandbox: chooseSandbox,
      progress: () => {},
    },
  );
  return { ...result, layers, tree: layers.view(result.rootfs) };
}

/** Runs a command in the image; its output and exit code. */
async function run(
  { layers, rootfs, config }: Made,
  ...args: string[]
): Promise<{ code: number; output: string }> {
  const draft = layers.create();
  let output = '';
  try {
    const { code } = await (await chooseSandbox()).run({
      layers: rootfs.map(layer => layers.dir(layer)),
      upper: { dir: draft.dir, workDir: draft.workDir },
      mounts: [],
      args,
      env: config.config?.Env ?? [],
      cwd: '/',
      user: { uid: 0, gid: 0, additionalGids: [] },
      network: 'none',
      hostname: 'localhost',
      extraHosts: [],
      security: 'sandbox',
      stdio(_, data) {
        output += Buffer.from(data).toString();
      },
    });
    return { code, output };
  } finally {
    draft.discard();
  }
}

function describeTree(tree: FileTree): string {
  const lines = [...walk(tree, '/')].map(path => {
    const { type, mode, uid, gid, mtimeNs } = tree.lstat(path)!;
    const content =
      type === 'file' ? digestOf(readBytes(tree, path)!) : type === 'symlink' ? tree.readlink(path) : '';
    return [path, type, mode.toString(8), uid, gid, mtimeNs, content].join(' ');
  });
  return lines.join('\n');
}

test('a full base image is a Debian that works, the same wherever it is made', { skip }, async () => {
  const image = await assemble('first', {});
  assert.deepEqual(await run(image, 'dpkg', '--audit'), { code: 0, output: '' });
  assert.equal((await run(image, 'apt-get', 'check')).code, 0);
  assert.deepEqual(await run(image, 'bash', '-c', 'id -un; stat -c %U:%G /etc/shadow; cat /etc/timezone'), {
    code: 0,
    output: 'root\nroot:shadow\nEtc/UTC\n',
  });
  assert.match(readText(image.tree, '/etc/apt/sources.list.d/debian.sources')!, /^Suites: .*\bbookworm\b/m);

  const again = await assemble('first', {});
  assert.equal(again.cached, true);
  assert.deepEqual(again.config, image.config);

  const elsewhere = await assemble('second', {});
  assert.equal(elsewhere.cached, false);
  assert.equal(describeTree(elsewhere.tree), describeTree(image.tree));
});

test('apt-get installs on it for a user with a single id', {
  skip: skip || needsUsers,
}, async t => {
  const work = new Workspace(makeUser('single'));
  const unreachable = unreachableFor(work.user!);
  if (unreachable) return t.skip(unreachable);
  const saved = work.path('base.tar');
  const env = { STAGECRAFT_ROOT: join(root, 'first') };
  await work.stagecraft(['base', '-t', 'debian', '--suite', 'bookworm'], { env, user: undefined });
  await work.stagecraft(['save', '-o', saved, 'debian'], { env, user: undefined });
  chmodSync(saved, 0o644);
  await work.ok('load', '-i', saved);
  const trust = existsSync('/etc/ssl/certs/ca-certificates.crt') ? ['--trust-host-ca'] : [];
  const { log } = await work.build(
    {
      Dockerfile:
        'FROM debian\nRUN apt-get update && apt-get install -y --no-install-recommends hello && hello\n',
    },
    trust,
  );
  assert.match(log, /^Hello, world!$/m);
});

test('a minimal base image runs a program with nothing beside it', { skip }, async () => {
  const image = await assemble('first', { flavour: 'minimal', include: ['python3-minimal'] });
  assert.deepEqual(await run(image, '/usr/bin/python3', '-c', 'import sys; print(sys.version_info.major)'), {
    code: 0,
    output: '3\n',
  });
  for (const absent of ['/bin/sh', '/usr/bin/dpkg', '/usr/bin/apt-get', '/usr/bin/perl'])
    assert.equal(image.tree.lstat(absent), undefined, absent);
  assert.match(readText(image.tree, '/var/lib/dpkg/status.d/libc6')!, /^Package: libc6$/m);
  assert.match(readText(image.tree, '/etc/ssl/certs/ca-certificates.crt')!, /BEGIN CERTIFICATE/);
});
