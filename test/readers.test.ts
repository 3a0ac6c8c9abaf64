import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, suite, test } from 'node:test';
import { hostPlatform } from '../src/image/platform.ts';
import { Buildah, needsBuildah } from './support/buildah.ts';
import { withBusybox } from './support/busybox.ts';
import { Containerd, needsContainerd } from './support/containerd.ts';
import { Docker, needsDocker } from './support/docker.ts';
import { needs } from './support/needs.ts';
import { needsPodman, Podman } from './support/podman.ts';
import { type Outcome, run, tool } from './support/program.ts';
import { Registry } from './support/registry.ts';
import { Workspace } from './support/workspace.ts';

const host = hostPlatform().architecture;
const other = host === 'arm64' ? 'amd64' : 'arm64';
const force = 'force-compression=true';

/** The kinds of image that are written: what the build is told, and what its outputs. */
const builds: { args: readonly string[]; kinds: Readonly<Record<string, string>> }[] = [
  {
    args: [],
    kinds: {
      gzip: '',
      zstd: `compression=zstd,${force}`,
      plain: `compression=uncompressed,${force}`,
      annotated: 'annotation.a=b,annotation-manifest-descriptor.c=d',
      docker: 'oci-mediatypes=false',
      'docker-zstd': `oci-mediatypes=false,compression=zstd,${force}`,
    },
  },
  {
    args: ['--platform', `linux/${host},linux/${other}`],
    kinds: { platforms: 'annotation-index.a=b', 'docker-platforms': 'oci-mediatypes=false' },
  },
  {
    args: ['--provenance=mode=max', '--sbom=true'],
    kinds: { attested: '', 'attested-image': 'oci-artifact=false' },
  },
];
const kinds = builds.flatMap(each => Object.keys(each.kinds));

/** Layers of this kind have no media type that the library of these three knows. */
const unknownLayers = { 'docker-zstd': /unsupported docker v2s2 media type/ };
/** Older than layers of zstd; takes no index for one of its parts. */
const oldUmoci = {
  zstd: /not correct mediatype/,
  platforms: /tag is ambiguous/,
  attested: /tag is ambiguous/,
  'attested-image': /tag is ambiguous/,
};
/** What a reader cannot read by its own nature, and how it says so: a change there is worth knowing. */
const refusals: Readonly<Record<string, Readonly<Record<string, RegExp>>>> = {
  skopeo: unknownLayers,
  Buildah: unknownLayers,
  Podman: unknownLayers,
  umoci: oldUmoci,
  // Docker's engine reads OCI archives since version 25.
  'docker load': { oci: /no such file/, 'oci-platforms': /no such file/, 'oci-attested': /no such file/ },
};

/** Has a reader read images, each of which it must read, or refuse as the table says. */
async function readEach(
  reader: string,
  names: readonly string[],
  read: (name: string) => Promise<Outcome>,
): Promise<void> {
  const wrong: string[] = [];
  for (const name of names) {
    const { code, stdout, stderr } = await read(name);
    const refusal = refusals[reader]?.[name];
    if (refusal === undefined && code !== 0) wrong.push(`${name} is refused: ${stdout}${stderr}`);
    if (refusal !== undefined && code === 0) wrong.push(`${name} is read now`);
    if (refusal !== undefined && code !== 0 && !refusal.test(stdout + stderr))
      wrong.push(`${name} is refused for another reason: ${stderr}`);
  }
  assert.deepEqual(wrong, [], reader);
}

suite('each kind of image', {
  skip: needs('busybox', 'docker-registry', 'curl', 'skopeo'),
  concurrency: 3,
}, () => {
  const work = new Workspace();
  const [layout, archives] = [work.path('layout'), work.path('archives')];
  const docker = new Docker(work);
  let registry: Registry;
  const remote = (kind: string): string => `${registry.host}/app/${kind}:1`;
  /** Images in the layout and in archives; Docker's form holds single ones. */
  const oci = kinds.filter(kind => !kind.startsWith('docker'));
  const ociArchives = { oci: 'gzip', 'oci-platforms': 'platforms', 'oci-attested': 'attested' };
  const dockerArchives = ['gzip', 'zstd', 'plain'];

  before(async () => {
    registry = await Registry.start(work);
    const context = work.context({
      ...withBusybox(
        'FROM scratch\nCOPY --chmod=755 busybox /bin/busybox\nCOPY text /text\nCMD ["/bin/busybox", "cat", "/text"]\n',
      ),
      text: 'as it was',
    });
    for (const { args, kinds } of builds) {
      const outputs = Object.entries(kinds).flatMap(([kind, options]) => {
        const more = options === '' ? '' : `,${options}`;
        const all = [`type=registry,name=${remote(kind)}${more}`];
        if (oci.includes(kind))
          all.push(`type=oci,tar=false,dest=${layout},name=localhost/app:${kind}${more}`);
        for (const [name, archived] of Object.entries(ociArchives))
          if (archived === kind) all.push(`type=oci,dest=${archives}/${name}.tar,name=localhost/app:${name}`);
        if (dockerArchives.includes(kind))
          all.push(`type=docker,dest=${archives}/${kind}.tar,name=localhost/docker:${kind}${more}`);
        return all.flatMap(output => ['-o', output]);
      });
      await work.build(context, [...args, ...outputs]);
    }
  });

  /** A reader's own images are read here: that of a registry is built on, that of an archive loaded and run. */
  const readBack = async (from: string, archive: string, name: string): Promise<void> => {
    const built = { Dockerfile: `FROM ${from}\nRUN ["/bin/busybox", "cat", "/text"]\n` };
    const { log } = await work.build(built, ['--no-cache']);
    assert.equal(log, 'as it was', from);
    await work.ok('load', '-i', archive);
    assert.equal(await work.ok('run', '--rm', name), 'as it was', archive);
  };
  const succeeds = async (outcome: Promise<Outcome>): Promise<void> => {
    const { code, stdout, stderr } = await outcome;
    assert.equal(code, 0, stdout + stderr);
  };

  test('is read by skopeo, to every digest', async () => {
    const copy = (from: string, to: string): Promise<Outcome> =>
      run([
        ...['skopeo', '--insecure-policy', 'copy', '--all', '--src-tls-verify=false'],
        ...[from, `dir:${work.path(`skopeo-${to}`)}`],
      ]);
    await readEach('skopeo', kinds, kind => copy(`docker://${remote(kind)}`, kind));
    await readEach('skopeo', oci, kind => copy(`oci:${layout}:${kind}`, `layout-${kind}`));
    await readEach('skopeo', Object.keys(ociArchives), name =>
      copy(`oci-archive:${archives}/${name}.tar`, name),
    );
    await readEach('skopeo', dockerArchives, name =>
      copy(`docker-archive:${archives}/${name}.tar`, `docker-${name}`),
    );
  });

  // Not in Docker's schema 1: docker-registry takes that in no more.
  test('comes back from skopeo in OCI form and in Docker’s', async () => {
    const copy = (to: string, ...options: string[]): Promise<string> => {
      const insecure = ['--insecure-policy', '--src-tls-verify=false', '--dest-tls-verify=false'];
      return tool('skopeo', 'copy', ...insecure, ...options, `docker://${remote('gzip')}`, to);
    };
    for (const [format, archive] of [
      ['oci', 'oci-archive'],
      ['v2s2', 'docker-archive'],
    ] as const) {
      const theirs = `${registry.host}/theirs/skopeo:${format}`;
      const [file, name] = [work.path(`by-skopeo-${format}.tar`), `localhost/by-skopeo:${format}`];
      await copy(`docker://${theirs}`, '--format', format);
      await copy(`${archive}:${file}:${name}`);
      await readBack(theirs, file, name);
    }
  });

  test('is read by umoci', { skip: needs('root', 'umoci') }, async () => {
    await readEach('umoci', oci, kind =>
      run(['umoci', 'unpack', '--image', `${layout}:${kind}`, work.path(`umoci-${kind}`)]),
    );
    assert.equal(readFileSync(work.path('umoci-gzip/rootfs/text'), 'utf8'), 'as it was');
  });

  test('is what the schemas of the OCI specification say', { skip: needs('oci-image-tool') }, async () => {
    const seen = new Set<string>();
    for (const name of readdirSync(join(layout, 'blobs/sha256'))) {
      const file = join(layout, 'blobs/sha256', name);
      const bytes = readFileSync(file);
      if (bytes.length > 1 << 16 || bytes[0] !== '{'.charCodeAt(0)) continue;
      const { manifests, layers, rootfs } = JSON.parse(bytes.toString());
      const type = manifests ? 'imageIndex' : layers ? 'manifest' : rootfs ? 'config' : undefined;
      if (type === undefined) continue;
      await tool('oci-image-tool', 'validate', '--type', type, file);
      seen.add(type);
    }
    assert.deepEqual([...seen].toSorted(), ['config', 'imageIndex', 'manifest']);
    const whole = work.path('whole');
    await tool('skopeo', '--insecure-policy', 'copy', `oci:${layout}:gzip`, `oci:${whole}:gzip`);
    await tool('oci-image-tool', 'validate', '--type', 'image', whole);
  });

  test('is read by Docker’s engine, runs there, and comes back', { skip: needsDocker }, async () => {
    await readEach('docker pull', kinds, kind => docker.try('pull', remote(kind)));
    for (const kind of ['zstd', 'attested'])
      assert.equal(await docker.ok('run', '--rm', '--network', 'none', remote(kind)), 'as it was', kind);
    const names = [...dockerArchives, ...Object.keys(ociArchives)];
    await readEach('docker load', names, name => docker.try('load', '-i', join(archives, `${name}.tar`)));
    const theirs = `${registry.host}/theirs/docker:1`;
    await docker.ok('tag', remote('platforms'), theirs);
    await docker.ok('push', theirs);
    const archive = work.path('by-docker.tar');
    await docker.ok('tag', theirs, 'localhost/by-docker:1');
    await docker.ok('save', '-o', archive, 'localhost/by-docker:1');
    await readBack(theirs, archive, 'localhost/by-docker:1');
  });

  test('is read by containerd, and comes back', { skip: needsContainerd }, async () => {
    const containerd = new Containerd(work);
    await readEach('ctr', kinds, kind => containerd.try('images', 'pull', '--plain-http', remote(kind)));
    for (const kind of ['gzip', 'zstd', 'platforms', 'attested'])
      assert.equal((await containerd.read(remote(kind), '/text')).stdout, 'as it was', kind);
    await readEach('ctr', [...Object.keys(ociArchives), ...dockerArchives], name =>
      containerd.try('images', 'import', '--all-platforms', join(archives, `${name}.tar`)),
    );
    const theirs = `${registry.host}/theirs/containerd:1`;
    await succeeds(containerd.try('images', 'tag', remote('gzip'), theirs));
    await succeeds(containerd.try('images', 'push', '--plain-http', theirs));
    const archive = work.path('by-containerd.tar');
    await succeeds(containerd.try('images', 'export', archive, theirs));
    await readBack(theirs, archive, theirs);
  });

  test('is read by Podman, runs there, and comes back', { skip: needsPodman }, async () => {
    const podman = new Podman(work);
    await readEach('Podman', kinds, kind => podman.pull(`docker://${remote(kind)}`));
    for (const kind of ['zstd', 'attested'])
      assert.equal((await podman.run(remote(kind))).stdout, 'as it was', kind);
    await readEach('Podman', oci, kind => podman.pull(`oci:layout:${kind}`, work.directory));
    await readEach('Podman', [...Object.keys(ociArchives), ...dockerArchives], name =>
      podman.try('load', '--quiet', '-i', join(archives, `${name}.tar`)),
    );
    const theirs = `${registry.host}/theirs/podman:1`;
    await succeeds(podman.try('push', '--quiet', '--tls-verify=false', remote('zstd'), theirs));
    const archive = work.path('by-podman.tar');
    await succeeds(podman.try('tag', remote('zstd'), 'localhost/by-podman:1'));
    const save = ['save', '--quiet', '--format', 'oci-archive', '-o', archive];
    await succeeds(podman.try(...save, 'localhost/by-podman:1'));
    await readBack(theirs, archive, 'localhost/by-podman:1');
  });

  test('is read by Buildah, runs there, and comes back', { skip: needsBuildah }, async () => {
    const buildah = new Buildah(work);
    // It shares its library with Podman and skopeo.
    for (const kind of ['gzip', 'docker-zstd', 'attested'])
      await readEach('Buildah', [kind], () =>
        buildah.try('from', '--name', kind, '--tls-verify=false', `docker://${remote(kind)}`),
      );
    const words = ['run', '--isolation', 'chroot', 'attested', '/bin/busybox', 'cat', '/text'];
    assert.equal((await buildah.try(...words)).stdout, 'as it was');
    const theirs = `${registry.host}/theirs/buildah:1`;
    await succeeds(buildah.try('commit', '--quiet', '--format', 'oci', 'attested', 'localhost/by-buildah:1'));
    const archive = work.path('by-buildah.tar');
    const push = ['push', '--quiet', '--tls-verify=false', 'localhost/by-buildah:1'];
    await succeeds(buildah.try(...push, `docker://${theirs}`));
    await succeeds(buildah.try(...push, `docker-archive:${archive}:localhost/by-buildah:1`));
    await readBack(theirs, archive, 'localhost/by-buildah:1');
  });
});
