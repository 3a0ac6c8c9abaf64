import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';
import { busybox, withBusybox } from './support/busybox.ts';
import { Docker, needsDocker } from './support/docker.ts';
import { Repository } from './support/git-server.ts';
import { needs } from './support/needs.ts';
import { tool } from './support/program.ts';
import { Registry } from './support/registry.ts';
import { Workspace } from './support/workspace.ts';

// biome-ignore lint/suspicious/noExplicitAny: documents of other standards
type Json = any;

const secret = 'never-to-be-seen-4711';
const dockerfile = `FROM busybox
ARG GREETING
RUN --mount=type=secret,id=token [ -s /run/secrets/token ] && echo "$GREETING" >/greeting
COPY package.json /app/node_modules/left/
CMD ["cat", "/greeting"]
`;

/** The documents of an OCI layout. */
class Layout {
  readonly directory: string;

  constructor(directory: string) {
    this.directory = directory;
  }

  read(digest: string): Json {
    return JSON.parse(readFileSync(join(this.directory, 'blobs', digest.replace(':', '/')), 'utf8'));
  }

  get image(): Json {
    const [only] = JSON.parse(readFileSync(join(this.directory, 'index.json'), 'utf8')).manifests;
    return this.read(only.digest);
  }

  /** The statements of the image for a platform, by the types of their predicates. */
  statements(position = 0): Record<string, Json> {
    const index = this.image;
    const { digest } = index.manifests[position];
    const attestation = index.manifests.find(
      (each: Json) => each.annotations?.['vnd.docker.reference.digest'] === digest,
    );
    const { layers } = this.read(attestation.digest);
    return Object.fromEntries(
      layers.map((layer: Json) => [layer.annotations['in-toto.io/predicate-type'], this.read(layer.digest)]),
    );
  }
}

const slsa1 = 'https://slsa.dev/provenance/v1';
const slsa02 = 'https://slsa.dev/provenance/v0.2';
const spdx = 'https://spdx.dev/Document';

describe('attestations', { skip: needs('root', 'busybox', 'skopeo', 'docker-registry', 'git') }, () => {
  const work = new Workspace();
  const docker = new Docker(work);
  const context = work.context({
    ...withBusybox(dockerfile),
    'package.json': '{"name":"left","version":"1.3.0","license":"MIT"}',
  });
  const common = ['--secret', 'id=token,env=TOKEN', '--build-arg', 'GREETING=hello', '--label', 'a=b'];
  let layouts = 0;

  const build = async (...args: string[]): Promise<void> => {
    const { code, stderr } = await work.stagecraft(['build', ...common, ...args, context], {
      env: { TOKEN: secret },
    });
    assert.equal(code, 0, stderr);
  };

  const layoutOf = async (...args: string[]): Promise<Layout> => {
    const directory = work.path(`layout-${++layouts}`);
    await build('-o', `type=oci,tar=false,dest=${directory}`, '-t', 'team/app:1', ...args);
    return new Layout(directory);
  };

  before(async () => {
    assert.ok(busybox);
  });

  test('without them an image is a plain manifest, the same one each time', async () => {
    const { image } = await layoutOf();
    assert.equal(image.mediaType, 'application/vnd.oci.image.manifest.v1+json');
    const attested = await layoutOf('--provenance', 'true', '--sbom', 'true');
    assert.deepEqual(attested.read(attested.image.manifests[0].digest), image);
  });

  test('they are attached as BuildKit attaches them', async () => {
    const layout = await layoutOf('--provenance', 'mode=min', '--sbom', 'true');
    const { mediaType, manifests } = layout.image;
    assert.equal(mediaType, 'application/vnd.oci.image.index.v1+json');
    assert.equal(manifests.length, 2);
    const [image, attestation] = manifests;
    assert.deepEqual(attestation.platform, { architecture: 'unknown', os: 'unknown' });
    assert.deepEqual(attestation.annotations, {
      'vnd.docker.reference.digest': image.digest,
      'vnd.docker.reference.type': 'attestation-manifest',
    });
    const manifest = layout.read(attestation.digest);
    assert.equal(manifest.artifactType, 'application/vnd.docker.attestation.manifest.v1+json');
    assert.deepEqual(manifest.subject, {
      mediaType: image.mediaType,
      digest: image.digest,
      size: image.size,
    });
    assert.equal(manifest.config.mediaType, 'application/vnd.oci.empty.v1+json');
    assert.deepEqual(
      manifest.layers.map((layer: Json) => layer.mediaType),
      Array(2).fill('application/vnd.in-toto+json'),
    );
    for (const statement of Object.values(layout.statements())) {
      assert.equal(statement._type, 'https://in-toto.io/Statement/v1');
      const name = `pkg:docker/team/app@1?platform=linux%2F${image.platform.architecture}`;
      assert.deepEqual(statement.subject, [{ name, digest: { sha256: image.digest.slice(7) } }]);
    }
  });

  test('registries without artifacts get an image with a config', async () => {
    const directory = work.path('legacy');
    const output = `type=oci,tar=false,dest=${directory},oci-artifact=false`;
    await build('-o', output, '--provenance', 'mode=min');
    const layout = new Layout(directory);
    const manifest = layout.read(layout.image.manifests[1].digest);
    assert.equal(manifest.config.mediaType, 'application/vnd.oci.image.config.v1+json');
    assert.equal(manifest.subject, undefined);
    const config = layout.read(manifest.config.digest);
    assert.deepEqual(config.rootfs.diff_ids, [manifest.layers[0].digest]);
  });

  test('provenance: min tells what was read, and nothing of what was given', async () => {
    const { predicate } = (
      await layoutOf('--provenance', 'mode=min,builder-id=https://ci.example')
    ).statements()[slsa1];
    const { externalParameters, internalParameters } = predicate.buildDefinition;
    assert.deepEqual(externalParameters, {
      configSource: { path: 'Dockerfile' },
      request: { frontend: 'dockerfile.v0', locals: [{ name: 'context' }, { name: 'dockerfile' }] },
    });
    assert.deepEqual(Object.keys(internalParameters), ['builderPlatform']);
    assert.equal(predicate.runDetails.builder.id, 'https://ci.example');
    assert.deepEqual(predicate.runDetails.metadata.buildkit_completeness, {
      request: false,
      resolvedDependencies: false,
    });
    assert.ok(!JSON.stringify(predicate).includes('hello'));
  });

  test('provenance: max has arguments, graph, lines and layers, but no value of a secret', async () => {
    const layout = await layoutOf('--attest', 'type=provenance,mode=max,reproducible=true');
    const { predicate } = layout.statements()[slsa1];
    const { request } = predicate.buildDefinition.externalParameters;
    assert.equal(request.args['build-arg:GREETING'], 'hello');
    assert.equal(request.args['label:a'], 'b');
    assert.deepEqual(request.secrets, [{ id: 'token', optional: true }]);
    const { llbDefinition, digestMapping } = predicate.buildDefinition.internalParameters.buildConfig;
    assert.equal(llbDefinition.length, Object.keys(digestMapping).length);
    const { metadata } = predicate.runDetails;
    assert.equal(metadata.buildkit_reproducible, true);
    assert.equal(metadata.buildkit_completeness.request, true);
    const { source, layers } = metadata.buildkit_metadata;
    assert.deepEqual(source.infos[0].filename, 'Dockerfile');
    assert.match(Buffer.from(source.infos[0].data, 'base64').toString(), /COPY package.json/);
    // The last step but the one that names the result is COPY: its result is all layers of the image.
    const copy = llbDefinition.at(-2);
    const line = source.locations[copy.id].locations[0].ranges[0].start.line;
    assert.match(
      Buffer.from(source.infos[0].data, 'base64').toString().split('\n')[line - 1]!,
      /^COPY package/,
    );
    const manifest = layout.read(layout.image.manifests[0].digest);
    assert.deepEqual(layers[`${copy.id}:0`], [manifest.layers]);
    const all = readdirSync(join(layout.directory, 'blobs/sha256'));
    for (const blob of all)
      assert.ok(!readFileSync(join(layout.directory, 'blobs/sha256', blob)).includes(secret), blob);
  });

  test('provenance of SLSA v0.2', async () => {
    const layout = await layoutOf('--attest', 'type=provenance,mode=max,version=v0.2');
    const { predicate } = layout.statements()[slsa02];
    assert.equal(predicate.buildType, 'https://mobyproject.org/buildkit@v1');
    assert.deepEqual(predicate.metadata.completeness, {
      parameters: true,
      environment: true,
      materials: false,
    });
    assert.equal(predicate.invocation.configSource.entryPoint, 'Dockerfile');
    assert.ok(predicate.buildConfig.llbDefinition.length > 3);
  });

  test('the commit of the context is told, and labelled where that is asked for', async () => {
    const repository = await Repository.make(work, work.path('repository'));
    const secretRemote = `https://me:${secret}@git.example/team/app.git`;
    await repository.git('remote', 'add', 'origin', secretRemote);
    const commit = await repository.commit({
      'app/docker/Dockerfile': 'FROM scratch\nCOPY x /\n',
      'app/x': 'x',
    });
    const app = join(repository.directory, 'app');
    const built = async (env: Record<string, string>, ...args: string[]): Promise<Layout> => {
      const directory = work.path(`layout-${++layouts}`);
      const all = ['build', '-f', join(app, 'docker/Dockerfile'), '--provenance', 'mode=min', ...args];
      const { code, stderr } = await work.stagecraft(
        [...all, '-o', `type=oci,tar=false,dest=${directory}`, app],
        { env },
      );
      assert.equal(code, 0, stderr);
      return new Layout(directory);
    };
    const vcsOf = (layout: Layout): Json =>
      layout.statements()[slsa1].predicate.runDetails.metadata.buildkit_metadata.vcs;
    const labelsOf = (layout: Layout): Json =>
      layout.read(layout.read(layout.image.manifests[0].digest).config.digest).config.Labels;
    const source = 'https://xxxxx:xxxxx@git.example/team/app.git';

    const plain = await built({});
    const directories = { 'localdir:context': 'app', 'localdir:dockerfile': 'app/docker' };
    assert.deepEqual(vcsOf(plain), { ...directories, revision: commit, source });
    assert.equal(labelsOf(plain), undefined);

    work.write(app, { x: 'changed' });
    const label = 'org.opencontainers.image.source=mine';
    const env = { BUILDX_GIT_LABELS: '1', BUILDX_GIT_INFO: 'false', BUILDX_GIT_CHECK_DIRTY: '1' };
    const labelled = await built(env, '--label', label);
    assert.equal(vcsOf(labelled), undefined);
    assert.deepEqual(labelsOf(labelled), {
      'com.docker.image.source.entrypoint': 'app/docker/Dockerfile',
      'org.opencontainers.image.revision': `${commit}-dirty`,
      'org.opencontainers.image.source': 'mine',
    });
  });

  test('the bill of materials is that of the image', async () => {
    const { predicate } = (await layoutOf('--sbom', 'true')).statements()[spdx];
    const names = predicate.packages.map((each: Json) => each.name);
    assert.deepEqual(names, ['team/app:1', 'left']);
  });

  test('stages and the context have bills of materials of their own where the Dockerfile asks for them', async () => {
    const record = (name: string) => `{"name":"${name}","version":"1.0.0"}`;
    const scanned = work.context({
      Dockerfile: `ARG BUILDKIT_SBOM_SCAN_CONTEXT=true
FROM scratch AS one
ARG BUILDKIT_SBOM_SCAN_STAGE=one,two
COPY one /node_modules/one
FROM scratch AS two
COPY two /node_modules/two
FROM scratch AS unused
ARG BUILDKIT_SBOM_SCAN_STAGE
COPY two /node_modules/unused
FROM scratch
COPY --from=one /node_modules/one/package.json /node_modules/both/
COPY --from=two /node_modules/two/package.json /other
`,
      'one/package.json': record('one'),
      'two/package.json': record('two'),
      'node_modules/three/package.json': record('three'),
    });
    const bills = async (...args: string[]): Promise<Record<string, string[]>> => {
      const directory = work.path(`layout-${++layouts}`);
      await work.ok(
        'build',
        '--sbom',
        'true',
        ...args,
        '-o',
        `type=oci,tar=false,dest=${directory}`,
        scanned,
      );
      const layout = new Layout(directory);
      const { layers } = layout.read(layout.image.manifests[1].digest);
      return Object.fromEntries(
        layers.map((layer: Json) => {
          const { predicate } = layout.read(layer.digest);
          return [
            predicate.name.replace(/^sha256.*/, 'image'),
            predicate.packages.slice(1).map((each: Json) => each.name),
          ];
        }),
      );
    };
    assert.deepEqual(await bills(), { image: ['one'], 'sbom-context': ['three'], 'sbom-one': ['one'] });
    assert.deepEqual(
      await bills(
        '--build-arg',
        'BUILDKIT_SBOM_SCAN_STAGE=false',
        '--build-arg',
        'BUILDKIT_SBOM_SCAN_CONTEXT=0',
      ),
      {
        image: ['one'],
      },
    );
    const files = work.path('scanned-files');
    await work.ok('build', '--sbom', 'true', '-o', files, scanned);
    assert.deepEqual(
      readdirSync(files).filter(name => name.includes('sbom')),
      ['sbom-context.spdx.json', 'sbom-one.spdx.json', 'sbom.spdx.json'],
    );
  });

  test('outputs of files have statements of each file beside them', async () => {
    const output = work.path('files');
    await build('-o', output, '--provenance', 'mode=min', '--sbom', 'filename=bill.json');
    const statement = JSON.parse(readFileSync(join(output, 'provenance.json'), 'utf8'));
    assert.equal(statement.predicateType, slsa1);
    const greeting = statement.subject.find((each: Json) => each.name === 'greeting');
    const sha256 = createHash('sha256').update('hello\n').digest('hex');
    assert.deepEqual(greeting, { name: 'greeting', digest: { sha256 } });
    assert.equal(JSON.parse(readFileSync(join(output, 'bill.json'), 'utf8')).predicateType, spdx);

    const archive = work.path('files.tar');
    await build('-o', `type=tar,dest=${archive},attestation-prefix=my-`, '--provenance', 'mode=min');
    const text = await tool('tar', '-xOf', archive, 'my-provenance.json');
    assert.equal(JSON.parse(text).predicateType, slsa1);

    const without = work.path('without');
    await build('-o', without, '--provenance', 'mode=min,inline-only=true');
    assert.ok(!readdirSync(without).includes('provenance.json'));
  });

  test('each platform of an index has its own', async () => {
    const directory = work.path('platforms');
    const plain = work.context({ Dockerfile: 'FROM scratch\nCOPY x /\n', x: 'x' });
    await work.ok(
      ...['build', '--platform', 'linux/amd64,linux/arm64', '--provenance', 'true'],
      ...['-o', `type=oci,tar=false,dest=${directory}`, plain],
    );
    const layout = new Layout(directory);
    assert.equal(layout.image.manifests.length, 4);
    for (const position of [0, 1]) {
      const { subject, predicate } = layout.statements(position)[slsa1];
      assert.equal(subject[0].digest.sha256, layout.image.manifests[position].digest.slice(7));
      assert.deepEqual(predicate.runDetails.metadata.buildkit_completeness, {
        request: true,
        resolvedDependencies: false,
      });
    }
  });

  test('the store keeps such an image whole, and all commands take it', async () => {
    await build('-t', 'kept', '--provenance', 'true', '--sbom', 'true');
    assert.equal((await work.ok('run', '--rm', 'kept')).trim(), 'hello');
    const [inspected] = JSON.parse(await work.ok('inspect', 'kept'));
    assert.deepEqual(inspected.Config.Labels, { a: 'b' });
    assert.match(await work.ok('images'), /^kept\s+latest/m);
    assert.match(await work.ok('sbom', '--format', 'table', 'kept'), /^left\s+1\.3\.0/m);
    await work.ok('prune', '--all', '--force');
    const archive = work.path('kept.tar');
    await work.ok('save', '--format', 'oci', '-o', archive, 'kept');
    await work.ok('rmi', 'kept');
    await work.ok('load', '-i', archive);
    const again = work.path('kept-again.tar');
    await work.ok('save', '--format', 'oci', '-o', again, 'kept');
    assert.deepEqual(readFileSync(again), readFileSync(archive));
    // A base image like any other.
    const files = await work.files({ Dockerfile: 'FROM kept\nRUN cp /greeting /copy\n' }, []);
    assert.equal(readFileSync(join(files, 'copy'), 'utf8'), 'hello\n');
  });

  test('registries and skopeo keep them', async () => {
    const registry = await Registry.start(work);
    const name = `${registry.host}/team/app:1`;
    const metadata = work.path('metadata.json');
    const args = ['--provenance', 'mode=max', '--sbom', 'true', '--metadata-file', metadata];
    await build('-t', name, '--push', ...args);
    const told = JSON.parse(readFileSync(metadata, 'utf8'));
    const skopeo = ['skopeo', '--insecure-policy'] as const;
    const raw = await tool(...skopeo, 'inspect', '--raw', '--tls-verify=false', `docker://${name}`);
    const digest = `sha256:${createHash('sha256').update(raw).digest('hex')}`;
    assert.equal(told['containerimage.digest'], digest);
    assert.equal(told['buildx.build.provenance'].buildType, 'https://mobyproject.org/buildkit@v1');
    assert.equal(told['buildx.build.provenance'].buildConfig, undefined);
    const copied = work.path('copied');
    await tool(
      ...skopeo,
      ...['copy', '--all', '--src-tls-verify=false'],
      ...[`docker://${name}`, `oci:${copied}:1`],
    );
    const statements = new Layout(copied).statements();
    assert.deepEqual(Object.keys(statements).sort(), [slsa1, spdx].sort());
    assert.match(
      statements[slsa1].subject[0].name,
      /^pkg:docker\/127\.0\.0\.1(:|%3A)\d+\/team\/app@1\?platform=/,
    );
    // Another machine pulls them with the image, and can pass them on.
    const elsewhere = { env: { STAGECRAFT_ROOT: work.path('elsewhere') } };
    const there = async (...args: string[]): Promise<string> => {
      const { code, stdout, stderr } = await work.stagecraft(args, elsewhere);
      assert.equal(code, 0, stderr);
      return stdout;
    };
    await there('pull', '-q', name);
    assert.deepEqual(
      JSON.parse(await there('inspect', '-f', '{{json .Provenance.SLSA}}', name)),
      statements[slsa1].predicate,
    );
    const [inspected] = JSON.parse(await there('inspect', name));
    assert.deepEqual(
      inspected.Attestations.map((each: Json) => each.PredicateType),
      [spdx, slsa1],
    );
    const passed = `${registry.host}/other/app:2`;
    await there('tag', name, passed);
    await there('push', '-q', passed);
    const onceMore = await tool(...skopeo, 'inspect', '--raw', '--tls-verify=false', `docker://${passed}`);
    assert.equal(onceMore, raw);
  });

  test('Docker runs what is saved of such an image', { skip: needsDocker }, async () => {
    await build('-t', 'for-docker', '--provenance', 'true');
    const archive = work.path('for-docker.tar');
    await work.ok('save', '-o', archive, 'for-docker');
    await docker.ok('load', '-i', archive);
    assert.equal((await docker.ok('run', '--rm', '--network', 'none', 'for-docker')).trim(), 'hello');
  });

  test('what cannot be done is refused before anything runs', async () => {
    const refused = async (expected: RegExp, ...args: string[]): Promise<void> => {
      const { code, stderr } = await work.stagecraft(['build', ...args, context]);
      assert.equal(code, 1, stderr);
      assert.match(stderr, expected);
      assert.ok(!stderr.includes('RUN'), stderr);
    };
    const archive = `type=docker,dest=${work.path('no.tar')}`;
    await refused(/Docker's archive format cannot hold attestations/, '-o', archive, '--sbom', 'true');
    await refused(
      /Attestations need OCI media types/,
      ...['-o', `type=oci,dest=${work.path('no.tar')},oci-mediatypes=false`, '--sbom', 'true'],
    );
    await refused(/Unknown attestation type slsa/, '--attest', 'type=slsa');
    await refused(/provenance mode all is neither/, '--provenance', 'mode=all');
    await refused(/made here, by no generator/, '--sbom', 'generator=scanner');
    await refused(/have no attribute colour/, '--provenance', 'colour=red');
    await refused(/cannot have the file name/, '--provenance', 'filename=../x');
  });
});
