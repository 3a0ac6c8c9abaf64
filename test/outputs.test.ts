import assert from 'node:assert/strict';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { needs } from './support/needs.ts';
import { tool } from './support/program.ts';
import { list, Workspace } from './support/workspace.ts';

suite('outputs', () => {
  const work = new Workspace();
  const context = work.context({
    Dockerfile: `FROM scratch
COPY --chown=5:6 file /dir/file
ENV KEY=value
`,
    file: { content: 'content', mode: 0o640 },
  });

  test('-t puts an image into the store, where the other commands find it', async () => {
    await work.build(context, ['-t', 'named', '-t', 'example.org/team/named:2']);
    const listed = await work.ok('images', '--format', '{{.Repository}}:{{.Tag}} {{.ID}}');
    const ids = new Map(
      listed
        .trim()
        .split('\n')
        .map(line => line.split(' ') as [string, string]),
    );
    assert.equal(ids.get('named:latest'), ids.get('example.org/team/named:2'));
    const [image] = JSON.parse(await work.ok('inspect', 'named'));
    assert.deepEqual(image.Config.Env, [
      'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
      'KEY=value',
    ]);
    assert.match(await work.ok('history', '--no-trunc', 'named'), /COPY --chown=5:6 file \/dir\/file/);
  });

  test('type=oci writes an archive or a layout with the name in it', { skip: needs('tar') }, async () => {
    const archive = work.path('image.oci.tar');
    const directory = work.path('image.oci');
    await work.build(context, ['-t', 'app:1', '-o', `type=oci,dest=${archive}`]);
    await work.build(context, ['-t', 'app:1', '-o', `type=oci,tar=false,dest=${directory}`]);
    const inside = (await tool('tar', '-tf', archive)).split('\n');
    assert.ok(inside.includes('oci-layout') && inside.includes('index.json'));
    const { manifests } = JSON.parse(readFileSync(join(directory, 'index.json'), 'utf8'));
    const { manifests: packed } = JSON.parse(await tool('tar', '-xOf', archive, 'index.json'));
    assert.equal(manifests.length, 1);
    assert.equal(manifests[0].digest, packed[0].digest);
    assert.equal(manifests[0].annotations['org.opencontainers.image.ref.name'], '1');
  });

  test('type=docker writes an archive that names the image as Docker does', {
    skip: needs('tar'),
  }, async () => {
    const archive = work.path('image.docker.tar');
    await work.build(context, ['-t', 'app:1', '-o', `type=docker,dest=${archive}`]);
    const [manifest] = JSON.parse(await tool('tar', '-xOf', archive, 'manifest.json'));
    assert.deepEqual(manifest.RepoTags, ['app:1']);
    assert.equal(manifest.Layers.length, 1);
  });

  test('type=tar and type=local write the files, owners and all where they can', {
    skip: needs('tar'),
  }, async () => {
    const archive = work.path('files.tar');
    await work.build(context, ['-o', `type=tar,dest=${archive}`]);
    assert.match(await tool('tar', '--numeric-owner', '-tvf', archive), /^-rw-r----- 5\/6 +7 .* dir\/file$/m);
    const directory = await work.files(context);
    assert.deepEqual(list(directory), ['dir', 'dir/file']);
    assert.equal(statSync(join(directory, 'dir/file')).mode & 0o777, 0o640);
  });

  test('-o - writes the tar archive to standard output, and nothing else', {
    skip: needs('tar'),
  }, async () => {
    const { stdout, code } = await work.stagecraft(['build', '-o', '-', context]);
    assert.equal(code, 0);
    assert.ok(stdout.includes('dir/file'));
    assert.equal(stdout.length % 512, 0);
  });

  test('one build may have several outputs, and leaves its name and digests where it is told', async () => {
    const [iid, metadata] = [work.path('iid'), work.path('metadata.json')];
    const directory = work.path('several');
    await work.build(context, [
      ...['-t', 'several', '--iidfile', iid, '--metadata-file', metadata],
      ...[
        '-o',
        'type=image',
        '-o',
        `type=local,dest=${directory}`,
        '-o',
        `type=oci,dest=${work.path('several.tar')}`,
      ],
    ]);
    const id = readFileSync(iid, 'utf8');
    assert.match(id, /^sha256:[0-9a-f]{64}$/);
    const told = JSON.parse(readFileSync(metadata, 'utf8'));
    assert.equal(told['image.name'], 'docker.io/library/several:latest');
    assert.equal(told['containerimage.config.digest'] ?? told['containerimage.digest'], id);
    assert.deepEqual(list(directory), ['dir', 'dir/file']);
    assert.ok(statSync(work.path('several.tar')).size > 0);
  });

  test('of several images, --metadata-file tells of the last, as with BuildKit', async () => {
    const metadata = work.path('several.json');
    await work.build(context, [
      ...['-o', 'type=image,name=first', '-o', 'type=image,name=second,annotation.a=b'],
      ...['-o', `type=oci,dest=${work.path('third.tar')},annotation.a=b`, '--metadata-file', metadata],
    ]);
    const told = JSON.parse(readFileSync(metadata, 'utf8'));
    assert.equal(told['image.name'], 'docker.io/library/second:latest');
    const [second] = JSON.parse(await work.ok('inspect', 'second'));
    assert.equal(told['containerimage.digest'], second.Descriptor.digest);
    assert.ok(told['containerimage.descriptor'].annotations['org.opencontainers.image.created']);
  });

  test('--iidfile holds no ID of an image that is not there', async () => {
    const iid = work.path('stale-iid');
    await work.build(context, ['-t', 'stale', '--iidfile', iid]);
    const failing = { Dockerfile: 'FROM scratch\nCOPY none /\n' };
    assert.equal((await work.tryBuild(failing, ['--iidfile', iid])).code, 1);
    assert.throws(() => readFileSync(iid), { code: 'ENOENT' });
    const { message } = await work.tryBuild(context, ['--iidfile', iid, '-o', work.path('no-image')]);
    assert.match(message, /output of files has no image ID/);
  });

  test('--metadata-file tells warnings and where the image came from as buildx does', async () => {
    const linted = { Dockerfile: 'FROM scratch AS Upper\nCOPY Dockerfile /\n' };
    const metadata = work.path('warnings.json');
    const told = async (env: Record<string, string>): Promise<Record<string, unknown>> => {
      await work.build(linted, ['--metadata-file', metadata, '--platform', 'linux/amd64,linux/arm64'], {
        env,
      });
      return JSON.parse(readFileSync(metadata, 'utf8'));
    };
    const quiet = await told({});
    assert.deepEqual(Object.keys(quiet), [
      'buildx.build.provenance/linux/amd64',
      'buildx.build.provenance/linux/arm64',
      'containerimage.descriptor',
      'containerimage.digest',
    ]);
    const loud = await told({ BUILDX_METADATA_WARNINGS: '1', BUILDX_METADATA_PROVENANCE: 'disabled' });
    const [warning, ...others] = loud['buildx.build.warnings'] as {
      short: string;
      level: number;
      range: object[];
      sourceInfo: object;
    }[];
    assert.deepEqual(others, []);
    assert.match(Buffer.from(warning!.short, 'base64').toString(), /^StageNameCasing: .*Upper/);
    assert.deepEqual(warning!.range, [{ start: { line: 1 }, end: { line: 1 } }]);
    assert.deepEqual(warning!.sourceInfo, { filename: 'Dockerfile' });
    assert.ok(!Object.keys(loud).some(key => key.includes('provenance')));
  });

  test('--quiet prints the ID and nothing else', async () => {
    const { stdout, stderr } = await work.stagecraft(['build', '-q', '-t', 'quiet', context]);
    assert.equal(stderr, '');
    assert.match(stdout, /^sha256:[0-9a-f]{64}\n$/);
  });

  test('what save writes, load takes into another store, the same to the digest', async () => {
    await work.build(context, ['-t', 'travels:1']);
    const digest = await work.ok('inspect', '-f', '{{.Id}}', 'travels:1');
    for (const format of ['oci', 'docker']) {
      const archive = work.path(`travels.${format}.tar`);
      await work.ok('save', '--format', format, '-o', archive, 'travels:1');
      const env = { STAGECRAFT_ROOT: work.path(`other-${format}`) };
      const loaded = await work.stagecraft(['load', '-i', archive], { env });
      assert.equal(loaded.code, 0, loaded.stderr);
      assert.match(loaded.stdout, /travels:1/);
      const there = await work.stagecraft(['inspect', '-f', '{{.Id}}', 'travels:1'], { env });
      assert.equal(there.stdout, digest, format);
      const base = { Dockerfile: 'FROM travels:1\nCOPY more /\n', more: '' };
      const files = work.path(`files-${format}`);
      await work.build(base, ['-o', files], { env });
      assert.deepEqual(list(files), ['dir', 'dir/file', 'more']);
    }
  });

  test('the same files give the same image, in any store', async () => {
    const build = async (store: string): Promise<string> => {
      const env = { STAGECRAFT_ROOT: work.path(store), SOURCE_DATE_EPOCH: '1700000000' };
      const { stdout } = await work.stagecraft(['build', '-q', context], { env });
      return stdout;
    };
    const first = await build('reproducible-1');
    assert.match(first, /^sha256:/);
    assert.equal(await build('reproducible-2'), first);
  });

  test('graph and JSON of --call=llb are written without a build', async () => {
    const env = { STAGECRAFT_ROOT: work.path('planned') };
    const { stdout } = await work.stagecraft(['build', '--call=llb,format=json', context], { env });
    assert.match(stdout, /COPY --chown=5:6 file \/dir\/file/);
    assert.deepEqual(readdirSync(work.path('planned', 'layers')), []);
  });
});
