import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, suite, test } from 'node:test';
import { needs } from './support/needs.ts';
import { tool } from './support/program.ts';
import { Registry } from './support/registry.ts';
import { Workspace } from './support/workspace.ts';

interface Document {
  mediaType: string;
  annotations?: Record<string, string>;
  manifests: (Document & { digest: string; platform: { os: string; architecture: string } })[];
  layers: Document[];
}

suite('options of the image that is written', () => {
  const work = new Workspace();
  const context = work.context({ Dockerfile: 'FROM scratch\nCOPY file /file\n', file: 'content' });
  let written = 0;

  /** Builds into a layout, and gives what its index names. */
  const write = async (options: string, ...args: string[]): Promise<{ top: Document; place: string }> => {
    const place = work.path(`layout-${written++}`);
    await work.build(context, [...args, '-o', `type=oci,tar=false,dest=${place}${options}`]);
    return { top: JSON.parse(readFileSync(join(place, 'index.json'), 'utf8')), place };
  };
  const read = (place: string, digest: string): Document & { created: string; history: Document[] } =>
    JSON.parse(readFileSync(join(place, 'blobs', digest.replace(':', '/')), 'utf8'));
  const created = 'org.opencontainers.image.created';

  test('--annotation goes to each place that its prefix says', async () => {
    const { top, place } = await write(
      ',annotation.from=output',
      ...['--platform', 'linux/amd64,linux/arm64'],
      ...[
        'plain=1',
        'manifest:both=2',
        'manifest[linux/arm64]:one=3',
        'index:all=4',
        'manifest-descriptor[linux/amd64]:described=5',
        'index-descriptor:top=6',
        'index,manifest[linux/amd64]:shared=7',
      ].flatMap(each => ['--annotation', each]),
    );
    const { [created]: _, ...onTop } = top.manifests[0]!.annotations!;
    assert.deepEqual(onTop, { top: '6' });
    const index = read(place, top.manifests[0]!.digest);
    assert.deepEqual(index.annotations, { all: '4', shared: '7' });
    const [amd64, arm64] = index.manifests as [Document['manifests'][0], Document['manifests'][0]];
    assert.deepEqual([amd64.annotations, arm64.annotations], [{ described: '5' }, undefined]);
    const common = { plain: '1', both: '2', from: 'output' };
    assert.deepEqual(read(place, amd64.digest).annotations, { ...common, shared: '7' });
    assert.deepEqual(read(place, arm64.digest).annotations, { ...common, one: '3' });
  });

  test('source-date-epoch of an output counts for it, before the build argument', async () => {
    const dated = async (options: string): Promise<string> => {
      const { top, place } = await write(options, '--build-arg', 'SOURCE_DATE_EPOCH=1000000000');
      const manifest = read(place, top.manifests[0]!.digest) as unknown as { config: { digest: string } };
      assert.equal(top.manifests[0]!.annotations![created], read(place, manifest.config.digest).created);
      return read(place, manifest.config.digest).created;
    };
    assert.equal(await dated(''), '2001-09-09T01:46:40Z');
    assert.equal(await dated(',source-date-epoch=0'), '1970-01-01T00:00:00Z');
  });

  test('attestation-inline takes what is stated for images alone into an archive', async () => {
    const only = ['--provenance', 'mode=min,inline-only=true'];
    const type = async (options: string): Promise<string> =>
      (await write(options, ...only)).top.manifests[0]!.mediaType;
    assert.match(await type(''), /manifest\.v1/);
    assert.match(await type(',attestation-inline=true'), /index\.v1/);
  });

  test('compression is for layers made here; with force-compression for those of the base too', {
    skip: needs('docker-registry', 'htpasswd', 'openssl', 'curl', 'skopeo'),
  }, async () => {
    const registry = await Registry.start(work);
    await work.build(context, ['-t', `${registry.host}/base:1`, '--push']);
    const other = new Workspace();
    const app = { Dockerfile: `FROM ${registry.host}/base:1\nCOPY Dockerfile /\n` };
    const types = async (options: string): Promise<string[]> => {
      const name = `${registry.host}/app:1`;
      await other.build(app, ['-o', `type=registry,name=${name},compression=zstd${options}`]);
      const raw = await tool('skopeo', 'inspect', '--raw', '--tls-verify=false', `docker://${name}`);
      const { layers } = JSON.parse(raw) as Document;
      return layers.map(({ mediaType }) => mediaType.replace(/.*\+/, ''));
    };
    assert.deepEqual(await types(''), ['gzip', 'zstd']);
    assert.deepEqual(await types(',force-compression=true,compression-level=19'), ['zstd', 'zstd']);
    assert.deepEqual(await types(',oci-mediatypes=false,force-compression=true'), [
      'application/vnd.docker.image.rootfs.diff.tar.zstd',
      'application/vnd.docker.image.rootfs.diff.tar.zstd',
    ]);
  });

  suite('registry.insecure', { skip: needs('docker-registry', 'htpasswd', 'openssl', 'curl') }, () => {
    let registry: Registry;
    let env: Record<string, string>;

    before(async () => {
      registry = await Registry.start(work, { tls: true });
      env = { HTTPS_PROXY: await registry.proxy(work), NO_PROXY: '', no_proxy: '' };
    });

    test('sends an image to a registry whose certificate nobody vouches for', async () => {
      const output = `type=registry,name=${registry.host}/app:1`;
      const { message } = await work.tryBuild(context, ['-o', output], { env });
      assert.match(message, /registry\.test cannot be reached: .*certificate/);
      await work.build(context, ['-o', `${output},registry.insecure=true`], { env });
    });
  });
});
