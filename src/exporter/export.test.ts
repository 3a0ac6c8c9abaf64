import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { ImageConfig } from '../image/types.ts';
import { findImage, listRecords } from '../store/images.ts';
import { inspectImage } from '../store/inspect.ts';
import { type BuildOptions, type Exported, exportBuild } from './export.ts';
import { executable, makeSample, openWorkshop, plain, sampleConfig } from './fixture.ts';
import { formatMetadata, imageId } from './metadata.ts';
import { parseOutput } from './outputs.ts';
import type { ImageResult } from './types.ts';

const workshop = openWorkshop();
const { dir, store, layers, services } = workshop;
const rootFs = makeSample(workshop);
const sample: ImageResult = { rootFs, config: sampleConfig };
const named: BuildOptions = { names: ['docker.io/library/app:1', 'localhost:5000/team/app:2'] };

function write(output: string, results: ImageResult[] = [sample], build = named): Promise<Exported> {
  return exportBuild(services, layers, { results, index: results.length > 1 }, parseOutput(output), build);
}

/** Runs a program of others; the test is skipped where it is not installed. */
function ask(context: TestContext, program: string, ...args: string[]): string | undefined {
  const { error, status, stdout, stderr } = spawnSync(program, args, { encoding: 'utf8', cwd: dir });
  if (error) {
    context.skip(`${program} is not installed`);
    return undefined;
  }
  assert.equal(status, 0, `${program} ${args.join(' ')}: ${stderr}`);
  return stdout;
}

test('other tools read the store itself', async context => {
  const { image } = await write('type=image');
  for (const name of ['app:1', 'localhost:5000/team/app:2']) {
    const answer = ask(context, 'skopeo', 'inspect', '--config', '--raw', `oci:${store.root}:${name}`);
    if (answer === undefined) return;
    const config = JSON.parse(answer) as ImageConfig;
    assert.deepEqual(config.config, sampleConfig.config);
    assert.equal(config.rootfs.diff_ids.length, 2);
  }
  assert.equal(inspectImage(store, 'app:1').Id, imageId(image!));
});

test('umoci unpacks what the layers say: files removed, replaced and linked', async context => {
  await write('type=image');
  const bundle = join(dir, 'bundle');
  if (process.getuid?.() !== 0) return context.skip('umoci unpack with owners needs root');
  if (ask(context, 'umoci', 'unpack', '--image', `${store.root}:app:1`, bundle) === undefined) return;
  const root = join(bundle, 'rootfs');
  assert.deepEqual(readdirSync(join(root, 'etc')), ['empty']);
  assert.deepEqual(readdirSync(join(root, 'old')), ['new']);
  assert.equal(statSync(join(root, 'old/new')).uid, 1000);
  assert.equal(statSync(join(root, 'etc/empty')).mode & 0o7777, 0o4755);
  assert.equal(statSync(join(root, 'bin/tool')).ino, statSync(join(root, 'bin/alias')).ino);
  assert.equal(readlinkSync(join(root, 'lib')), 'usr/lib');
  assert.deepEqual(readdirSync(join(root, 'var/data'), { encoding: 'latin1' }), ['\xfe\xff']);
  assert.ok(lstatSync(join(root, 'var/pipe')).isFIFO());
});

for (const compression of ['gzip', 'zstd', 'uncompressed'])
  test(`skopeo copies an OCI archive and a Docker archive with ${compression} layers`, async context => {
    await write(`type=oci,dest=${dir}/${compression}.oci,compression=${compression}`);
    await write(`type=docker,dest=${dir}/${compression}.docker,compression=${compression}`);
    for (const from of [
      `oci-archive:${compression}.oci:1`,
      `oci-archive:${compression}.oci:2`,
      `docker-archive:${compression}.docker:app:1`,
      `docker-archive:${compression}.docker:localhost:5000/team/app:2`,
    ]) {
      const to = `dir:${dir}/copy-${compression}-${from.replace(/[:/]/g, '_')}`;
      if (ask(context, 'skopeo', 'copy', '--insecure-policy', '-q', from, to) === undefined) return;
    }
  });

test('buildah pulls an OCI archive', async context => {
  if (process.getuid?.() !== 0) return context.skip('this use of buildah needs root');
  await write(`type=oci,dest=${dir}/pull.oci`, [sample], { names: ['localhost/pulled:1'] });
  writeFileSync(join(dir, 'policy.json'), '{"default":[{"type":"insecureAcceptAnything"}]}');
  const storage = [
    '--storage-driver',
    'vfs',
    '--root',
    join(dir, 'buildah'),
    '--runroot',
    join(dir, 'buildah-run'),
  ];
  const policy = ['--signature-policy', join(dir, 'policy.json')];
  const id = ask(context, 'buildah', ...storage, 'pull', '-q', ...policy, `oci-archive:${dir}/pull.oci`);
  if (id === undefined) return;
  const answer = ask(context, 'buildah', ...storage, 'inspect', '--type', 'image', id.trim())!;
  assert.deepEqual(JSON.parse(answer).OCIv1.config.Cmd, ['/bin/tool']);
});

test('a layout directory keeps the images that were in it', async context => {
  const layout = join(dir, 'layout');
  await write(`type=oci,tar=false,dest=${layout}`, [sample], { names: ['localhost/one:one'] });
  await write(`type=oci,tar=false,dest=${layout}`, [sample], { names: ['localhost/two:two'] });
  await write(`type=oci,tar=false,dest=${layout}`, [sample], { names: ['localhost/two:two'] });
  const index = JSON.parse(readFileSync(join(layout, 'index.json'), 'utf8'));
  assert.equal(index.manifests.length, 2);
  assert.deepEqual(readdirSync(layout).toSorted(), ['blobs', 'index.json', 'oci-layout']);
  for (const tag of ['one', 'two'])
    if (ask(context, 'skopeo', 'inspect', `oci:${layout}:${tag}`) === undefined) return;
});

test('the same build gives the same bytes', async () => {
  const build = { ...named, epoch: 1_700_000_000 };
  await write(`type=oci,dest=${dir}/first.oci`, [sample], build);
  await write(`type=oci,dest=${dir}/second.oci`, [sample], build);
  assert.ok(readFileSync(join(dir, 'first.oci')).equals(readFileSync(join(dir, 'second.oci'))));
});

test('SOURCE_DATE_EPOCH limits the times in the config', async () => {
  const { image } = await write('type=image', [sample], {
    names: ['localhost/dated:1'],
    epoch: 1_000_000_000,
  });
  const config = JSON.parse(String(services.blobs.read(image!.configDigest!, 1 << 20))) as ImageConfig;
  assert.equal(config.created, '2001-09-09T01:46:40Z');
  assert.ok(config.history!.every(entry => entry.created === '2001-09-09T01:46:40Z'));
});

test('several platforms make an index, one manifest each', async context => {
  const arm: ImageResult = { rootFs, config: { ...sampleConfig, architecture: 'arm64' } };
  const amd: ImageResult = { rootFs, config: { ...sampleConfig, architecture: 'amd64' } };
  const { image } = await write('type=image,annotation-index.made=here', [amd, arm], {
    names: ['localhost/multi:1'],
  });
  assert.equal(image!.configDigest, undefined);
  assert.equal(image!.parts.length, 2);
  const raw = ask(context, 'skopeo', 'inspect', '--raw', `oci:${store.root}:localhost/multi:1`);
  if (raw === undefined) return;
  const index = JSON.parse(raw);
  assert.deepEqual(index.annotations, { made: 'here' });
  assert.deepEqual(
    index.manifests.map((each: { platform: { architecture: string } }) => each.platform.architecture),
    ['amd64', 'arm64'],
  );
  await assert.rejects(write('type=image', [amd, amd]), { code: 'usage', message: /more than once/ });
  await write(`type=local,dest=${dir}/split`, [amd, arm]);
  assert.deepEqual(readdirSync(join(dir, 'split')).toSorted(), ['linux_amd64', 'linux_arm64']);
});

test('one platform alone makes an index too, and a directory of its own, where that is asked for', async () => {
  const outcome = { results: [sample], index: true };
  const { image } = await exportBuild(services, layers, outcome, parseOutput('type=image'), { names: [] });
  assert.match(image!.descriptor.mediaType, /index/);
  assert.equal(imageId(image!), image!.descriptor.digest);
  await exportBuild(services, layers, outcome, parseOutput(`${dir}/single`), { names: [] });
  const [platform, ...others] = readdirSync(join(dir, 'single'));
  assert.match(platform!, /^linux_/);
  assert.deepEqual(others, []);
});

test('files of several platforms go into one place where no two have one name', async () => {
  const results = ['amd64', 'arm64'].map(architecture => ({
    config: { ...sampleConfig, architecture },
    rootFs: workshop.addLayer([], writer => {
      writer.putDirectory('/bin', executable);
      writer.putFile(`/bin/${architecture}`, { data: Buffer.from(architecture) }, executable);
    }),
  }));
  for (let time = 0; time < 2; time++)
    await write(`type=local,dest=${dir}/merged,platform-split=false,mode=delete`, results);
  assert.deepEqual(readdirSync(join(dir, 'merged/bin')).toSorted(), ['amd64', 'arm64']);
  await write(`type=tar,dest=${dir}/merged.tar,platform-split=false`, results);
  const { stdout } = spawnSync('tar', ['-tf', join(dir, 'merged.tar')], { encoding: 'utf8' });
  assert.deepEqual(stdout.trim().split('\n'), ['bin/', 'bin/amd64', 'bin/arm64']);
  const again = [results[0]!, { ...results[0]!, config: { ...sampleConfig, architecture: 'arm64' } }];
  await assert.rejects(write(`type=local,dest=${dir}/clash,platform-split=false`, again), {
    code: 'usage',
    message: /\/bin\/amd64 is in the results for linux\/amd64 and linux\/arm64/,
  });
  assert.ok(!existsSync(join(dir, 'clash')));
});

test('options that contradict each other are refused', async () => {
  for (const output of ['type=image,annotation-index.a=b', 'type=image,annotation-manifest[linux/s390x].a=b'])
    await assert.rejects(write(output), { code: 'usage' }, output);
});

test('Docker’s media types take annotations of the manifest, and layers of each compression', async () => {
  const types = { uncompressed: 'tar', gzip: 'tar.gzip', zstd: 'tar.zstd' };
  for (const [compression, suffix] of Object.entries(types)) {
    const output = `type=image,oci-mediatypes=false,annotation.a=b,compression=${compression}`;
    const { image } = await write(output);
    const manifest = JSON.parse(String(services.blobs.read(image!.descriptor.digest, 1 << 20)));
    assert.deepEqual(manifest.annotations, { a: 'b' });
    assert.equal(manifest.mediaType, 'application/vnd.docker.distribution.manifest.v2+json');
    for (const { mediaType } of manifest.layers)
      assert.equal(mediaType, `application/vnd.docker.image.rootfs.diff.${suffix}`);
  }
});

test('an image gets the names that its digest gives it, where that is asked for', async () => {
  const known = (): Set<string> => new Set(listRecords(store).map(({ name }) => name));
  const give = async (output: string, ...names: string[]): Promise<[digest: string, names: string]> => {
    const { image, metadata } = await exportBuild(
      services,
      layers,
      { results: [sample], index: false },
      parseOutput(output),
      { names },
    );
    return [image!.descriptor.digest, metadata['image.name'] as string];
  };
  const prefix = 'localhost/dangling';
  const [digest, dangling] = await give(`type=image,dangling-name-prefix=${prefix},annotation.n=1`);
  assert.equal(dangling, `${prefix}@${digest}`);
  assert.ok(known().has(dangling));
  const options = `type=image,dangling-name-prefix=${prefix}`;
  const [second, both] = await give(`${options},annotation.n=2`, 'localhost/own:1');
  assert.equal(both, `localhost/own:1,${prefix}@${second}`);
  const [, own] = await give(`${options},danging-name-empty-only=true,annotation.n=3`, 'localhost/own:1');
  assert.equal(own, 'localhost/own:1');
  const [canonical] = await give('type=image,name-canonical=true,annotation.n=4', 'localhost/own:1');
  await give('type=image,annotation.n=5', 'localhost/own:1');
  assert.equal(findImage(store, `localhost/own:1@${canonical}`).descriptor.digest, canonical);
  const [unnamed] = await give('type=image,store=false,annotation.n=6', 'localhost/unnamed:1');
  assert.ok(!known().has('localhost/unnamed:1'));
  assert.ok(known().has(unnamed));
});

test('the metadata file has what buildx writes', async () => {
  const { image, metadata } = await write('type=image');
  const parsed = JSON.parse(formatMetadata(metadata));
  assert.equal(parsed['containerimage.digest'], image!.descriptor.digest);
  assert.equal(parsed['containerimage.config.digest'], imageId(image!));
  assert.equal(parsed['image.name'], named.names.join(','));
  assert.equal(parsed['containerimage.descriptor'].size, image!.descriptor.size);
});

test('GNU tar unpacks a tar output to the tree that a local output writes', async context => {
  await write(`type=tar,dest=${dir}/tree.tar`);
  await write(`type=local,dest=${dir}/tree`);
  mkdirSync(join(dir, 'untarred'));
  if (
    ask(context, 'tar', '-xf', `${dir}/tree.tar`, '--no-same-owner', '-p', '-C', `${dir}/untarred`) ===
    undefined
  )
    return;
  const listing = (root: string): string =>
    spawnSync('find', ['.', '-mindepth', '1', '-printf', '%P %y %m %n %l %T@\n'], { cwd: join(dir, root) })
      .stdout.toString('latin1')
      .split('\n')
      .sort()
      .join('\n');
  assert.equal(listing('tree'), listing('untarred').replaceAll(/\.0000000000$/gm, '.0000000000'));
  assert.ok(readFileSync(join(dir, 'tree/old/new')).equals(readFileSync(join(dir, 'untarred/old/new'))));
});

test('a directory output replaces what is in the way and follows no symlink there', async () => {
  const target = join(dir, 'target');
  const outside = join(dir, 'outside');
  for (const path of [target, outside, join(target, 'lib')]) mkdirSync(path);
  writeFileSync(join(target, 'lib/inside'), 'in the way');
  writeFileSync(join(target, 'kept'), 'mine');
  symlinkSync(outside, join(target, 'bin'));
  symlinkSync(join(outside, 'victim'), join(target, 'old'));
  await write(target);
  assert.deepEqual(readdirSync(outside), []);
  assert.equal(readlinkSync(join(target, 'lib')), 'usr/lib');
  assert.ok(existsSync(join(target, 'bin/tool')) && existsSync(join(target, 'old/new')));
  assert.equal(readFileSync(join(target, 'kept'), 'utf8'), 'mine');
  await write(`type=local,mode=delete,dest=${target}`);
  assert.ok(!existsSync(join(target, 'kept')));
  assert.ok(existsSync(join(target, 'bin/tool')));
});

test('a destination that cannot be written is one clear error and leaves what was there', async () => {
  const broken = workshop.addLayer([], writer => writer.putFile('/a', { data: Buffer.from('a') }, plain));
  writeFileSync(join(dir, 'existing'), 'as before');
  await assert.rejects(write(`type=oci,dest=${dir}`), { code: 'usage', message: /is a directory/ });
  await assert.rejects(write(join(dir, 'existing')), { code: 'usage', message: /not a directory/ });
  await assert.rejects(write('type=tar,dest=/proc/nowhere/x'), { code: 'io', message: /\/proc\/nowhere/ });
  const { image } = await write('type=image', [{ rootFs: broken, config: sampleConfig }], { names: [] });
  const manifest = JSON.parse(String(services.blobs.read(image!.descriptor.digest, 1 << 20)));
  writeFileSync(services.blobs.path(manifest.layers[0].digest), Buffer.alloc(manifest.layers[0].size));
  const output = `type=oci,dest=${dir}/existing`;
  await assert.rejects(write(output, [{ rootFs: broken, config: sampleConfig }]), {
    code: 'integrity',
    message: /damaged/,
  });
  assert.equal(readFileSync(join(dir, 'existing'), 'utf8'), 'as before');
  assert.deepEqual(
    readdirSync(dir).filter(name => name.includes('.tmp')),
    [],
  );
});
