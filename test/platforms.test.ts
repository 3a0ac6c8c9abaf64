import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, suite, test } from 'node:test';
import { hostPlatform } from '../src/image/platform.ts';
import { smallestProgram } from '../src/sandbox/elf.ts';
import { runsHere } from '../src/sandbox/emulation.ts';
import { withBusybox } from './support/busybox.ts';
import { Docker, needsDocker } from './support/docker.ts';
import { needs } from './support/needs.ts';
import { tool } from './support/program.ts';
import { Registry } from './support/registry.ts';
import { makeUser, needsUsers, unreachableFor } from './support/users.ts';
import { list, Workspace } from './support/workspace.ts';

const host = hostPlatform().architecture;
const other = host === 'arm64' ? 'amd64' : 'arm64';
/** What Debian's package qemu-user-static brings along. */
const qemu = `qemu-${other === 'arm64' ? 'aarch64' : 'x86_64'}`;
const registrationFile = `/usr/lib/binfmt.d/${qemu}.conf`;
const both = ['--platform', `linux/${host},linux/${other}`];

/** A program built on this machine for whatever platform is asked for. */
const cross = withBusybox(`FROM --platform=$BUILDPLATFORM tools AS build
RUN echo common >/common
ARG TARGETPLATFORM TARGETARCH BUILDARCH
RUN echo "$BUILDARCH makes $TARGETPLATFORM" >/program
FROM scratch
ARG TARGETARCH
LABEL arch=$TARGETARCH
COPY --from=build /program /program
COPY busybox /$TARGETARCH/
`);

interface Index {
  mediaType: string;
  manifests: { digest: string; platform: { os: string; architecture: string } }[];
}

suite('an image for several platforms', { skip: needs('busybox') }, () => {
  const work = new Workspace();
  const context = work.context(cross);
  // A base image of this machine's platform only: what is made from it is made once.
  const tools = () =>
    work.build({ ...withBusybox('FROM busybox\n') }, ['-t', 'tools', '--platform', `linux/${host}`]);
  const build = async (...args: string[]) => {
    await tools();
    return work.build(context, [...both, ...args]);
  };

  test('is one index; what all platforms share runs once, and steps tell for which they are', async () => {
    const { steps } = await build('-t', 'multi', '--no-cache');
    const names = steps.map(step => step.name.replace(/@sha256:\w+/, ''));
    assert.deepEqual(names.filter(name => / build \d/.test(name)).toSorted(), [
      `[linux/${host} build 1/3] FROM docker.io/library/tools:latest`,
      `[linux/${host} build 2/3] RUN echo common >/common`,
      `[linux/${host} build 3/3] RUN echo "${host} makes linux/${host}" >/program`,
      `[linux/${host}->${other} build 3/3] RUN echo "${host} makes linux/${other}" >/program`,
    ]);
    assert.equal(steps.length, new Set(steps.map(step => step.name)).size);
    const [image] = JSON.parse(await work.ok('inspect', 'multi'));
    assert.equal(image.Architecture, host);
    assert.deepEqual(image.Config.Labels, { arch: host });
    const [foreign] = JSON.parse(await work.ok('inspect', '--platform', `linux/${other}`, 'multi'));
    assert.equal(foreign.Architecture, other);
    assert.deepEqual(foreign.Config.Labels, { arch: other });
    assert.equal(foreign.Id, image.Id);
    assert.match(await work.ok('history', '--platform', `linux/${other}`, 'multi'), /COPY busybox/);
  });

  test('other tools see its platforms and read each', {
    skip: needs('skopeo', 'umoci', 'root'),
  }, async () => {
    await build('-t', 'multi');
    const index: Index = JSON.parse(
      await tool('skopeo', 'inspect', '--raw', `oci:${work.store}:multi:latest`),
    );
    assert.equal(index.mediaType, 'application/vnd.oci.image.index.v1+json');
    assert.deepEqual(
      index.manifests.map(({ platform }) => platform),
      [host, other].map(architecture => ({ architecture, os: 'linux' })),
    );
    const copied = work.path('copied');
    await tool(
      'skopeo',
      '--insecure-policy',
      'copy',
      '-q',
      '--all',
      `oci:${work.store}:multi:latest`,
      `oci:${copied}:all`,
    );
    assert.deepEqual(JSON.parse(await tool('skopeo', 'inspect', '--raw', `oci:${copied}:all`)), index);
    for (const architecture of [host, other]) {
      const from = ['--override-arch', architecture, `oci:${work.store}:multi:latest`];
      await tool('skopeo', '--insecure-policy', 'copy', '-q', ...from, `oci:${copied}:${architecture}`);
      const bundle = work.path(`bundle-${architecture}`);
      await tool('umoci', 'unpack', '--image', `${copied}:${architecture}`, bundle);
      assert.equal(
        readFileSync(join(bundle, 'rootfs/program'), 'utf8'),
        `${host} makes linux/${architecture}\n`,
      );
      assert.deepEqual(list(join(bundle, 'rootfs', architecture)), ['busybox']);
    }
  });

  test('the index is what metadata file, iidfile and --quiet name', async () => {
    const [iid, metadata] = [work.path('iid'), work.path('metadata')];
    const args = ['-t', 'multi', '--iidfile', iid, '--metadata-file', metadata];
    const { stdout } = await build(...args, '--progress=quiet', '-q');
    const about = JSON.parse(readFileSync(metadata, 'utf8'));
    const digest = about['containerimage.digest'];
    assert.equal(readFileSync(iid, 'utf8'), digest);
    assert.equal(stdout.trim(), digest);
    assert.equal(about['containerimage.descriptor'].mediaType, 'application/vnd.oci.image.index.v1+json');
    assert.equal(about['containerimage.config.digest'], undefined);
    assert.match(await work.ok('images', '--no-trunc'), new RegExp(digest));
  });

  test('goes into archives and back, under its names, and leaves with the last of them', {
    skip: needs('tar'),
  }, async () => {
    await build('-t', 'kept:1');
    const archive = work.path('saved.tar');
    await work.ok('save', '--format', 'oci', '-o', archive, 'kept:1');
    await work.ok('tag', 'kept:1', 'kept:2');
    const [before] = JSON.parse(await work.ok('inspect', 'kept:2'));
    await work.ok('rmi', 'kept:1', 'kept:2');
    await work.ok('prune', '--force');
    assert.doesNotMatch(await work.ok('images'), /kept/);
    await work.ok('load', '-i', archive);
    const [after] = JSON.parse(await work.ok('inspect', '--platform', `linux/${other}`, 'kept:1'));
    assert.equal(after.Id, before.Id);
    assert.equal(after.Architecture, other);
    await work.ok('prune', '--all', '--force');
    const again = work.path('again.tar');
    await work.ok('save', '--format', 'oci', '-o', again, 'kept:1');
    assert.ok(readFileSync(again).equals(readFileSync(archive)));
    const direct = work.path('direct.tar');
    await build('-t', 'kept:1', '-o', `type=oci,dest=${direct}`);
    const { manifests } = JSON.parse(await tool('tar', '-xOf', direct, 'index.json'));
    assert.deepEqual(
      manifests.map((each: Index) => each.mediaType),
      ['application/vnd.oci.image.index.v1+json'],
    );
  });

  test("Docker's archive is refused before anything runs", async () => {
    await tools();
    const { code, message, steps } = await work.tryBuild(context, [
      ...both,
      '-o',
      `type=docker,dest=${work.path('no')}`,
    ]);
    assert.equal(code, 1);
    assert.match(message, /holds images for one platform only/);
    assert.deepEqual(steps, []);
  });

  test('Docker loads each platform by itself, and the machine’s own of the index', {
    skip: needsDocker,
  }, async () => {
    const docker = new Docker(work);
    await build('-t', 'multi');
    const archives: [file: string, architecture: string][] = [];
    for (const architecture of [host, other]) {
      const file = work.path(`docker-${architecture}.tar`);
      const output = `type=docker,dest=${file}`;
      await work.build(context, [
        '--platform',
        `linux/${architecture}`,
        '-t',
        `app:${architecture}`,
        '-o',
        output,
      ]);
      archives.push([file, architecture]);
    }
    await work.ok('save', '-o', work.path('docker-multi.tar'), 'multi');
    archives.push([work.path('docker-multi.tar'), host]);
    await work.ok('save', '--platform', `linux/${other}`, '-o', work.path('docker-other.tar'), 'multi');
    archives.push([work.path('docker-other.tar'), other]);
    for (const [file, architecture] of archives) {
      const name = /Loaded image: (\S+)/.exec(await docker.ok('load', '-i', file))?.[1] as string;
      const [loaded] = JSON.parse(await docker.ok('image', 'inspect', name));
      assert.equal(loaded.Architecture, architecture, name);
      assert.deepEqual(loaded.Config.Labels, { arch: architecture });
    }
  });

  test('Docker says the same of each platform', { skip: needsDocker || needs('tar') }, async () => {
    const docker = new Docker(work);
    const plain = work.context({
      Dockerfile:
        'FROM scratch\nARG TARGETPLATFORM TARGETARCH TARGETVARIANT\nLABEL for="$TARGETPLATFORM|$TARGETARCH|$TARGETVARIANT"\nCOPY Dockerfile /\n',
    });
    for (const platform of [
      'linux/arm64',
      'linux/arm64/v8',
      'linux/arm',
      'linux/arm/v6',
      'linux/386',
      'linux/s390x',
    ]) {
      const archive = work.path(`config-${platform.replaceAll('/', '-')}.tar`);
      await docker.ok('build', '-t', 'config', '--platform', platform, plain);
      const [theirs] = JSON.parse(await docker.ok('image', 'inspect', 'config'));
      await work.build(plain, ['--platform', platform, '-t', 'config', '-o', `type=docker,dest=${archive}`]);
      await docker.ok('load', '-i', archive);
      const [ours] = JSON.parse(await docker.ok('image', 'inspect', 'config'));
      for (const key of ['Os', 'Architecture', 'Variant'])
        assert.equal(ours[key], theirs[key], `${key} of ${platform}`);
      assert.deepEqual(ours.Config.Labels, theirs.Config.Labels, platform);
    }
  });

  test('files go into a directory for each platform, or into one where their names differ', {
    skip: needs('tar'),
  }, async () => {
    await tools();
    const parts = [`linux_${host}`, `linux_${other}`].toSorted();
    const split = await work.files(context, both);
    assert.deepEqual(
      list(split).filter(path => !path.includes('/')),
      parts,
    );
    const foreign = readFileSync(join(split, `linux_${other}`, 'program'), 'utf8');
    assert.equal(foreign, `${host} makes linux/${other}\n`);
    const archive = work.path('files.tar');
    await work.build(context, [...both, '-o', `type=tar,dest=${archive}`]);
    const listed = (await tool('tar', '-tf', archive)).trim().split('\n');
    assert.deepEqual(
      listed.filter(path => path.endsWith('/program')).toSorted(),
      parts.map(part => `${part}/program`),
    );

    const mixed = {
      ...cross,
      Dockerfile: `${cross.Dockerfile}FROM scratch\nARG TARGETARCH\nCOPY busybox /bin/tool-$TARGETARCH\n`,
    };
    const place = work.path('one-directory');
    const options = `type=local,dest=${place},platform-split=false,mode=delete`;
    for (let time = 0; time < 2; time++) await work.build(mixed, [...both, '-o', options]);
    assert.deepEqual(list(place), ['bin', ...[`bin/tool-${host}`, `bin/tool-${other}`].toSorted()]);
    const { message } = await work.tryBuild(context, [...both, '-o', options]);
    assert.match(message, /The file \/program is in the results for linux\/\w+ and linux\/\w+/);
  });

  test('platforms are counted once, and one alone makes a plain image unless an index is asked for', async () => {
    await tools();
    const type = async (...args: string[]): Promise<string> => {
      await work.build(context, ['-t', 'one', ...args]);
      return JSON.parse(await work.ok('inspect', 'one'))[0].Descriptor.mediaType;
    };
    const [manifest, index] = ['manifest', 'index'].map(each => `application/vnd.oci.image.${each}.v1+json`);
    assert.equal(await type('--platform', 'local', '--platform', `linux/${host}`), manifest);
    assert.equal(await type('--platform', `linux/${other}`), manifest);
    assert.equal(
      await type('--platform', `linux/${other}`, '--build-arg', 'BUILDKIT_MULTI_PLATFORM=1'),
      index,
    );
    assert.equal(await type('--build-arg', 'BUILDKIT_MULTI_PLATFORM=true'), index);
    const forbidden = await work.tryBuild(context, [...both, '--build-arg', 'BUILDKIT_MULTI_PLATFORM=0']);
    assert.match(forbidden.message, /forbids an image for several platforms/);
  });

  test('runs as the machine’s own, or as the platform that is asked for', {
    skip: needs('busybox'),
  }, async () => {
    const runnable = withBusybox('FROM busybox\nARG TARGETARCH\nENV ARCH=$TARGETARCH\nCMD echo $ARCH\n');
    await work.build(runnable, [...both, '-t', 'runs']);
    assert.equal((await work.ok('run', 'runs')).trim(), host);
    // Its shell is this machine's, whatever its label says.
    assert.equal((await work.ok('run', '--platform', `linux/${other}`, 'runs')).trim(), other);
  });
});

suite('base images of other platforms', { skip: needs('busybox') }, () => {
  const work = new Workspace();

  test('each FROM takes its own of an index', async () => {
    await work.build(
      { ...withBusybox('FROM scratch\nARG TARGETARCH\nCOPY busybox /$TARGETARCH\nENV ARCH=$TARGETARCH\n') },
      [...both, '-t', 'index'],
    );
    const files = await work.files(
      {
        Dockerfile: `ARG OTHER=linux/${other}
FROM --platform=$BUILDPLATFORM index AS one
FROM --platform=$OTHER index AS two
FROM --platform=$TARGETPLATFORM index AS three
FROM scratch
COPY --from=one / /build/
COPY --from=two / /other/
COPY --from=three / /target/
`,
      },
      ['--platform', `linux/${other}`],
    );
    assert.deepEqual(
      list(files).filter(path => path.includes('/')),
      [`build/${host}`, `other/${other}`, `target/${other}`],
    );
  });

  test('one that the store has for another platform only is not taken', async () => {
    await work.build({ Dockerfile: 'FROM scratch\nCOPY Dockerfile /\n' }, [
      '-t',
      'localhost:1/own:1',
      '--platform',
      `linux/${host}`,
    ]);
    const { code, message } = await work.tryBuild({ Dockerfile: 'FROM localhost:1/own:1\n' }, both);
    assert.equal(code, 1);
    assert.match(message, new RegExp(`in the local store for linux/${host} only, not for linux/${other}`));
    assert.match(message, /^Dockerfile:1$/m);
  });
});

suite('base images of registries', {
  skip: needs('docker-registry', 'htpasswd', 'openssl', 'curl'),
}, () => {
  const work = new Workspace();
  const fresh = new Workspace();

  test('each platform takes its own part; one image for all is taken with a warning', async () => {
    const registry = await Registry.start(work);
    const base = { Dockerfile: 'FROM scratch\nARG TARGETARCH\nCOPY Dockerfile /$TARGETARCH\n' };
    const [index, one] = ['index', 'single'].map(name => `${registry.host}/${name}:1`) as [string, string];
    await work.build(base, [...both, '-t', index, '--push']);
    await work.build(base, ['--platform', `linux/${host}`, '-t', one, '--push']);
    for (let time = 0; time < 2; time++) {
      const place = fresh.path(`files-${time}`);
      await fresh.build({ Dockerfile: `FROM ${index}\n` }, [...both, '-o', place]);
      for (const each of [host, other]) assert.deepEqual(list(join(place, `linux_${each}`)), [each]);
      const single = { Dockerfile: `FROM ${one}\n` };
      const { stderr } = await fresh.stagecraft([
        'build',
        '--progress=plain',
        // As with BuildKit, the first platform's plan is the one that is checked.
        ...['--platform', `linux/${other},linux/${host}`],
        fresh.context(single),
      ]);
      assert.match(stderr, new RegExp(`platform "linux/${host}", expected "linux/${other}"`));
    }
    const missing = await fresh.tryBuild({ Dockerfile: `FROM --platform=linux/s390x ${index}\n` });
    assert.match(missing.message, /linux\/s390x/);
    assert.equal(missing.code, 1);
  });
});

suite('programs of another processor', () => {
  const work = new Workspace();
  const strange = 's390x';
  const files = {
    Dockerfile: 'FROM scratch\nCOPY --chmod=755 sh /bin/\nRUN true\nCMD ["sh"]\n',
    sh: smallestProgram(strange)!,
  };

  test('that the machine cannot run: the line, the program, and what to install', async context => {
    if (await runsHere(strange, work.directory))
      return context.skip(`this machine runs programs of ${strange}`);
    const { code, message } = await work.tryBuild(files, ['--platform', `linux/${strange}`]);
    assert.equal(code, 1);
    assert.match(message, />>> RUN true/);
    assert.match(
      message,
      new RegExp(
        `program /bin/sh is for linux/${strange}, and this machine \\(linux/${host}\\) cannot run it`,
      ),
    );
    assert.match(message, /apt install qemu-user-static/);
    await work.build({ ...files, Dockerfile: files.Dockerfile.replace('RUN true\n', '') }, [
      '-t',
      strange,
      '--platform',
      `linux/${strange}`,
    ]);
    const ran = await work.stagecraft(['run', strange]);
    assert.equal(ran.code, 125);
    assert.match(ran.stderr, /The program \/bin\/sh is for linux\/s390x/);
  });
});

suite('programs of an older kind that the processor runs itself', () => {
  const work = new Workspace();
  const older = host === 'arm64' ? 'arm' : '386';

  test('need no emulator', async context => {
    if (!(await runsHere(older, work.directory)))
      return context.skip(`this machine does not run programs of ${older}`);
    const files = { Dockerfile: 'FROM scratch\nCOPY --chmod=755 program /\nRUN ["/program"]\n' };
    await work.build({ ...files, program: smallestProgram(older)! }, ['--platform', `linux/${older}`]);
  });
});

suite('an ordinary user', { skip: needsUsers || needs('busybox', 'newuidmap') }, () => {
  test('builds for several platforms, with required stages', async context => {
    const work = new Workspace(makeUser('subordinate'));
    const unreachable = unreachableFor(work.user!);
    if (unreachable) return context.skip(unreachable);
    const files = withBusybox(`FROM busybox AS test
RUN id -u && ! test -e /fail
FROM scratch
ARG TARGETARCH
COPY busybox /$TARGETARCH/
`);
    const args = [...both, '--require', 'test', '-t', 'multi'];
    await work.build(files, args);
    const [image] = JSON.parse(await work.ok('inspect', '--platform', `linux/${other}`, 'multi'));
    assert.equal(image.Architecture, other);
    const failing = { ...files, Dockerfile: files.Dockerfile.replace('-e /fail', '-e /') };
    const { code, message } = await work.tryBuild(failing, args);
    assert.equal(code, 1);
    assert.match(message, /The required stage "test" failed for linux.\w+, so no image was made/);
  });
});

suite('an emulator that is registered in reach of containers', {
  skip: needs(`${qemu}-static`, 'unshare'),
}, () => {
  const work = new Workspace();
  const archive = work.path('machine.tar');
  let obstacle: string | false = false;

  /** Handlers of a user namespace of one's own, which Linux 6.7 and later have, are nobody else's. */
  const within = (script: string) => {
    const mount = 'mount -t binfmt_misc binfmt_misc /proc/sys/fs/binfmt_misc';
    const shell = ['sh', '-ec', `${mount}; ${script}; exec "$@"`, 'sh'];
    return ['unshare', '--user', '--map-root-user', '--mount', ...shell];
  };
  const registered = (flags: string) =>
    within(`printf %s '${registration(flags)}' >/proc/sys/fs/binfmt_misc/register`);

  before(async () => {
    const { code } = await work.stagecraft(['version'], { through: within('true') });
    if (code !== 0) obstacle = 'needs a kernel whose user namespaces have binfmt_misc';
    if (obstacle) return;
    const request = ['--suite', 'bookworm', '--minimal', '--include', 'busybox-static', '-t', 'machine'];
    const made = await work.stagecraft(['base', ...request, ...both, '-o', `type=oci,dest=${archive}`]);
    if (/ cannot be fetched: /.test(made.stderr)) obstacle = 'no Debian mirror can be reached';
    else assert.equal(made.code, 0, made.stderr);
  });

  for (const who of ['root', 'an ordinary user'] as const)
    test(`runs the steps of the other platform, as ${who}`, {
      skip: who === 'root' ? needs('root') : needsUsers,
    }, async context => {
      const user = who === 'root' ? undefined : makeUser('single');
      const reason = obstacle || (user !== undefined && unreachableFor(user));
      if (reason) return context.skip(reason);
      const own = new Workspace(user);
      const through = registered('OPF');
      const loaded = await own.stagecraft(['load'], { through, input: readFileSync(archive) });
      assert.equal(loaded.code, 0, loaded.stderr);
      const files = {
        Dockerfile: `FROM machine
RUN ["/bin/busybox", "--install", "-s", "/bin"]
RUN uname -m >/machine && cat /machine
`,
      };
      const place = own.path('emulated');
      const { log } = await own.build(files, [...both, '-o', place], { through });
      assert.deepEqual(log.trim().split('\n').toSorted(), [machines[host], machines[other]].toSorted());
      for (const architecture of [host, other]) {
        const said = readFileSync(join(place, `linux_${architecture}/machine`), 'utf8');
        assert.equal(said.trim(), machines[architecture]);
      }
      const told = await own.stagecraft(['doctor'], { through });
      assert.match(told.stdout, new RegExp(`platforms .*linux/${other}`));
      // Without the flag F the kernel looks for the emulator in the image.
      const again = ['--no-cache', '--platform', `linux/${other}`];
      const { message } = await own.tryBuild(files, again, { through: registered('OP') });
      assert.match(message, />>> RUN \["\/bin\/busybox"/);
      assert.match(message, new RegExp(`its handler ${qemu} lacks the flag F`));
    });
});

/** What `uname -m` says. */
const machines: Record<string, string> = { amd64: 'x86_64', arm64: 'aarch64' };

/** As Debian's package registers QEMU, whose last field are flags: `:qemu-aarch64:M::...:INTERPRETER:OPF`. */
function registration(flags: string): string {
  const text = readFileSync(registrationFile, 'utf8');
  const line = text.split('\n').find(each => each.startsWith(':')) as string;
  return line.slice(0, line.lastIndexOf(':') + 1) + flags;
}
