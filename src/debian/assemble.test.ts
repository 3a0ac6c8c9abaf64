import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { CacheRecords } from '../cache/records.ts';
import type { SolveStatus } from '../progress/types.ts';
import { openLayerStore } from '../snapshot/layer-store.ts';
import type { FileTree, LayerStore } from '../snapshot/types.ts';
import { openStore, type Store } from '../store/store.ts';
import { digestOf } from '../util/digest.ts';
import { assembleBase, type BaseRequest, type BaseResult } from './assemble.ts';
import { readBytes, readText, walk } from './image-files.ts';
import { makeArchive, serveArchive, type TestArchive, type TestPackage, type TestServer } from './testing.ts';

let root: string;
const stores: Store[] = [];
const servers: TestServer[] = [];

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'stagecraft-base-'));
});
afterEach(async () => {
  for (const store of stores.splice(0)) store.close();
  await Promise.all(servers.splice(0).map(server => server.close()));
  rmSync(root, { recursive: true });
});

const licence = { path: 'usr/share/doc/program/copyright', content: 'licence' };

const packages: readonly TestPackage[] = [
  {
    name: 'base-files',
    version: '12.4',
    fields: { Essential: 'yes', 'Pre-Depends': 'awk' },
    files: [
      { path: '' },
      { path: 'etc' },
      { path: 'tmp', mode: 0o777 },
      { path: 'var' },
      { path: 'var/run' },
      { path: 'usr' },
      { path: 'usr/lib' },
      { path: 'usr/lib/os-release', content: 'ID=debian\n' },
      { path: 'etc/os-release', link: '../usr/lib/os-release' },
    ],
  },
  { name: 'mawk', fields: { Provides: 'awk' }, files: [] },
  { name: 'netbase', files: [] },
  { name: 'tzdata', files: [], fields: { Depends: 'debconf (>= 0.5)' } },
  { name: 'debconf', files: [] },
  {
    name: 'ca-certificates',
    fields: { Depends: 'openssl' },
    files: [
      { path: 'usr/share/ca-certificates/b.crt', content: 'B' },
      { path: 'usr/share/ca-certificates/a.crt', content: 'A\n' },
    ],
  },
  { name: 'openssl', files: [] },
  {
    name: 'program',
    fields: { Depends: 'libthing (>= 1)' },
    scripts: { postinst: '#!/bin/sh\nexit 1\n' },
    files: [
      { path: 'bin' },
      { path: 'bin/program', content: 'program', mode: 0o4755 },
      { path: 'usr/share/man/man1/program.1', content: 'manual' },
      licence,
      { path: 'usr/share/doc/program/README', content: 'read me' },
    ],
  },
  {
    name: 'libthing',
    compression: 'zst',
    files: [
      { path: 'lib' },
      { path: 'lib/libthing.so.1', content: 'library' },
      { path: 'etc/evil', link: '/../../../outside' },
      { path: 'etc/evil/file', content: 'inside' },
    ],
  },
];

interface Setup {
  readonly archive: TestArchive;
  readonly server: TestServer;
}

async function publish(list: readonly TestPackage[] = packages): Promise<Setup> {
  const archive = await makeArchive({ packages: list });
  const server = await serveArchive(archive);
  servers.push(server);
  return { archive, server };
}

interface Run extends BaseResult {
  readonly tree: FileTree;
  readonly events: SolveStatus[];
}

/** A run against the archive in a store of that name. */
async function run(setup: Setup, change: Partial<BaseRequest> = {}, storeName = 'store'): Promise<Run> {
  const aptDir = join(root, 'apt');
  mkdirSync(join(aptDir, 'sources.list.d'), { recursive: true });
  writeFileSync(join(aptDir, 'key.asc'), setup.archive.publicKey);
  writeFileSync(
    join(aptDir, 'sources.list.d/debian.sources'),
    `Types: deb\nURIs: ${setup.server.url}/debian\nSuites: bookworm\nComponents: main\nSigned-By: ${join(aptDir, 'key.asc')}\n`,
  );
  const { store, layers } = storeOf(storeName);
  const events: SolveStatus[] = [];
  const result = await assembleBase(
    { suite: 'bookworm', flavour: 'minimal', include: ['program'], architecture: 'amd64', ...change },
    {
      store,
      layers,
      records: new CacheRecords(store, Date.now()),
      sandbox: () => Promise.reject(new Error('a minimal image runs nothing')),
      progress: status => events.push(status),
      aptDir,
      env: {},
    },
  );
  return { ...result, tree: layers.view(result.rootfs), events };
}

function storeOf(name: string): { store: Store; layers: LayerStore } {
  const store = openStore(join(root, name));
  stores.push(store);
  return { store, layers: openLayerStore(store) };
}

/** Everything an image could show of a tree. */
function describeTree(tree: FileTree): string[] {
  return [...walk(tree, '/')].map(path => {
    const { type, mode, uid, gid, mtimeNs } = tree.lstat(path)!;
    const content =
      type === 'file' ? digestOf(readBytes(tree, path)!) : type === 'symlink' ? tree.readlink(path) : '';
    return [path, type, mode.toString(8), uid, gid, type === 'symlink' ? '' : mtimeNs, content].join(' ');
  });
}

function nothingMade(name = 'store'): void {
  assert.deepEqual(readdirSync(join(root, name, 'layers')), []);
  assert.deepEqual(readdirSync(join(root, name, 'ingest')), []);
}

describe('a minimal base image', () => {
  test('holds the named packages and what their programs need, with no script run', async () => {
    const { tree, packages: chosen, config } = await run(await publish());
    assert.deepEqual(
      chosen.map(each => each.name),
      ['base-files', 'ca-certificates', 'libthing', 'netbase', 'program', 'tzdata'],
    );
    assert.equal(readText(tree, '/usr/bin/program'), 'program');
    assert.equal(readText(tree, '/lib/libthing.so.1'), 'library');
    assert.equal(tree.readlink('/bin'), 'usr/bin');
    assert.equal(tree.lstat('/usr/bin/program')!.mode, 0o4755);
    assert.equal(config.os, 'linux');
    assert.equal(config.architecture, 'amd64');
    assert.equal(config.history!.length, 1);
    assert.equal(config.config!.Cmd, undefined);
  });

  test('has what a program expects around it', async () => {
    const { tree } = await run(await publish());
    assert.match(readText(tree, '/etc/passwd')!, /^root:x:0:0:.*\nnobody:x:65534:.*\nnonroot:x:65532:65532:/);
    assert.equal(tree.lstat('/home/nonroot')!.uid, 65532);
    assert.equal(tree.lstat('/tmp')!.mode, 0o1777);
    assert.equal(tree.readlink('/var/run'), '/run');
    assert.equal(readText(tree, '/etc/os-release'), 'ID=debian\n');
    assert.equal(readText(tree, '/etc/ssl/certs/ca-certificates.crt'), 'A\nB\n');
  });

  test('has records of its packages for scanners, and licences, but no manuals', async () => {
    const { tree } = await run(await publish());
    assert.match(readText(tree, '/var/lib/dpkg/status.d/program')!, /^Package: program\nVersion: 1.0\n/);
    assert.equal(readText(tree, '/usr/share/doc/program/copyright'), 'licence');
    assert.equal(tree.lstat('/usr/share/doc/program/README'), undefined);
    assert.equal(tree.lstat('/usr/share/man'), undefined);
  });

  test('keeps a package that climbs out of the root within it', async () => {
    const { tree } = await run(await publish());
    assert.equal(readText(tree, '/outside/file'), 'inside');
    assert.deepEqual(readdirSync(root).sort(), ['apt', 'store']);
  });

  test('is the same, to the nanosecond, wherever it is made', async () => {
    const setup = await publish();
    const first = await run(setup, {}, 'first');
    const second = await run(setup, {}, 'second');
    assert.deepEqual(describeTree(second.tree), describeTree(first.tree));
    assert.deepEqual(second.config, first.config);
  });

  test('has no time later than the one asked for', async () => {
    const { tree, created, config } = await run(await publish(), { sourceDateEpoch: 1_600_000_000 });
    assert.equal(created.getTime(), 1_600_000_000_000);
    assert.equal(config.created, '2020-09-13T12:26:40Z');
    for (const path of walk(tree, '/'))
      assert.ok(tree.lstat(path)!.mtimeNs <= 1_600_000_000_000_000_000n, path);
  });

  test('is made once: the next time only the release file is fetched', async () => {
    const setup = await publish();
    const first = await run(setup);
    setup.server.requests.length = 0;
    const second = await run(setup);
    assert.equal(second.cached, true);
    assert.deepEqual(second.rootfs, first.rootfs);
    assert.deepEqual(second.config, first.config);
    assert.deepEqual(setup.server.requests, ['/debian/dists/bookworm/InRelease']);
  });

  test('of other packages fetches only those that are new', async () => {
    const setup = await publish();
    await run(setup);
    setup.server.requests.length = 0;
    await run(setup, { include: ['program', 'debconf'] });
    assert.deepEqual(setup.server.requests, [
      '/debian/dists/bookworm/InRelease',
      '/debian/pool/main/debconf_1.0_amd64.deb',
    ]);
  });

  test('tells of every step, and of the bytes it fetches', async () => {
    const { events } = await run(await publish());
    const ended = new Map<string, boolean>();
    for (const { vertexes } of events)
      for (const { name, completed } of vertexes ?? []) ended.set(name, completed !== undefined);
    assert.ok([...ended.values()].every(Boolean));
    assert.ok(ended.has('[base] fetch 6 packages'));
    const bytes = events.flatMap(({ statuses }) => statuses ?? []).filter(({ id }) => id === 'packages');
    assert.ok(bytes.some(({ current, total }) => current === total && current > 0));
  });
});

describe('nothing is made', () => {
  test('when a package is not the one that the index names', async () => {
    const setup = await publish();
    const path = 'pool/main/program_1.0_amd64.deb';
    const right = setup.archive.files.get(path)!;
    const wrong = Buffer.from(right);
    wrong[wrong.length - 1]! ^= 1;
    setup.archive.files.set(path, wrong);
    await assert.rejects(run(setup), (error: Error & { code: string }) => {
      assert.equal(error.code, 'integrity');
      assert.ok(error.message.includes(digestOf(right)) && error.message.includes(digestOf(wrong)));
      return true;
    });
    nothingMade();
    setup.archive.files.set(path, right);
    assert.equal((await run(setup)).cached, false);
  });

  test('when the index is not the one that was signed', async () => {
    const setup = await publish();
    const path = 'dists/bookworm/main/binary-amd64/Packages.gz';
    setup.archive.files.set(path, Buffer.alloc(setup.archive.files.get(path)!.length));
    await assert.rejects(run(setup), { code: 'integrity', message: /where the signed list says sha256:/ });
    nothingMade();
  });

  test('when a package is missing on the mirror', async () => {
    const setup = await publish();
    setup.archive.files.delete('pool/main/libthing_1.0_amd64.deb');
    await assert.rejects(run(setup), { code: 'not-found', message: /libthing_1.0_amd64.deb does not exist/ });
    nothingMade();
  });

  test('when a dependency is missing in the archive', async () => {
    const setup = await publish(packages.filter(each => each.name !== 'libthing'));
    await assert.rejects(run(setup), {
      message: /program needs libthing \(>= 1\), which the archives do not have/,
    });
    nothingMade();
  });

  test('when a package puts a file below a file', async () => {
    const setup = await publish([
      ...packages.filter(each => each.name !== 'program'),
      {
        name: 'program',
        files: [
          { path: 'file', content: 'x' },
          { path: 'file/below', content: 'y' },
        ],
      },
    ]);
    await assert.rejects(run(setup), { code: 'not-found' });
    nothingMade();
  });

  test('for names that are none', async () => {
    const setup = await publish();
    await assert.rejects(run(setup, { suite: '../evil' }), { code: 'usage' });
    await assert.rejects(run(setup, { include: ['a b'] }), { code: 'usage' });
    await assert.rejects(run(setup, { architecture: 'pdp11' }), { code: 'usage', message: /pdp11/ });
    await assert.rejects(run(setup, { architecture: 's390x' }), {
      code: 'not-found',
      message: /has no component main for s390x/,
    });
  });
});
