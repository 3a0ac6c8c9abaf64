import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { createWriteStream, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { pipeline } from 'node:stream/promises';
import { suite, test } from 'node:test';
import { busyboxFile, busyboxStage, withBusybox } from './support/busybox.ts';
import { Docker, needsDocker } from './support/docker.ts';
import { readImage } from './support/images.ts';
import { needs } from './support/needs.ts';
import { tool } from './support/program.ts';
import { Workspace } from './support/workspace.ts';

const service = withBusybox(`FROM busybox AS make
RUN echo made >/made && mkdir /lots && for i in $(seq 200); do echo $i >/lots/$i; done
FROM busybox
RUN rm /bin/wget
COPY --from=make --chown=7:8 /made /app/made
COPY --from=make /lots /app/lots
ENV GREETING="hello there"
WORKDIR /app
USER 1000:1000
EXPOSE 8080/tcp
LABEL org.example.name=service
STOPSIGNAL SIGINT
HEALTHCHECK --interval=2s CMD test -e /app/made
ENTRYPOINT ["/bin/sh", "-c"]
CMD ["echo $GREETING from $(pwd) as $(id -u), $(cat made) $(ls lots | wc -l); exit 7"]
`);

suite('images in the hands of others', { skip: needs('busybox') }, () => {
  const work = new Workspace();
  const docker = new Docker(work);

  test('skopeo reads what the store itself holds, every digest of it', {
    skip: needs('skopeo'),
  }, async () => {
    await work.build(service, ['-t', 'example.org/service:1']);
    const copy = work.path('copied');
    await tool(
      'skopeo',
      '--insecure-policy',
      'copy',
      '--all',
      `oci:${work.store}:example.org/service:1`,
      `dir:${copy}`,
    );
    const told = JSON.parse(await tool('skopeo', 'inspect', `dir:${copy}`));
    assert.equal(told.Labels['org.example.name'], 'service');
    assert.equal(told.Os, 'linux');
    assert.equal(told.Layers.length, 6);
  });

  for (const compression of ['gzip', 'zstd', 'uncompressed']) {
    test(`skopeo and umoci read ${compression} layers`, {
      skip: needs('root', 'skopeo', 'umoci', 'getcap'),
    }, async () => {
      const layout = work.path(`layout-${compression}`);
      const output = `type=oci,tar=false,dest=${layout},compression=${compression},force-compression=true`;
      await work.build(service, ['-t', 'service:1', '-o', output]);
      const manifest = JSON.parse(await tool('skopeo', 'inspect', '--raw', `oci:${layout}:1`));
      const suffix = { gzip: '+gzip', zstd: '+zstd', uncompressed: '' }[compression];
      for (const { mediaType } of manifest.layers)
        assert.equal(mediaType, `application/vnd.oci.image.layer.v1.tar${suffix}`);
      await tool('skopeo', '--insecure-policy', 'copy', `oci:${layout}:1`, `dir:${layout}-copied`);
      // Debian's umoci is older than layers of this kind.
      if (compression === 'zstd') return;
      const { tree } = await readImage(layout, work.path(`unpacked-${compression}`), '1');
      assert.match(tree.get('/app/made')!, /^file \w+ of 5 644 7:8/);
      assert.equal([...tree.keys()].filter(path => path.startsWith('/app/lots/')).length, 200);
      assert.ok(!tree.has('/bin/wget'));
    });
  }

  test('Docker loads and runs an image', { skip: needsDocker }, async () => {
    const archive = work.path('service.docker.tar');
    await work.build(service, ['-t', 'service:1', '-o', `type=docker,dest=${archive}`]);
    assert.match(await docker.ok('load', '-i', archive), /Loaded image: service:1/);
    const ran = await docker.try('run', '--rm', '--network', 'none', 'service:1');
    assert.equal(ran.stdout, 'hello there from /app as 1000, made 200\n', ran.stderr);
    assert.equal(ran.code, 7);
    const [{ Config: config }] = JSON.parse(await docker.ok('image', 'inspect', 'service:1'));
    assert.deepEqual(config.Healthcheck, {
      Test: ['CMD-SHELL', 'test -e /app/made'],
      Interval: 2_000_000_000,
    });
    assert.equal(config.StopSignal, 'SIGINT');
    assert.deepEqual(config.ExposedPorts, { '8080/tcp': {} });
  });

  test('Docker loads what save writes, with all its names', { skip: needsDocker }, async () => {
    await work.build(service, ['-t', 'many:1', '-t', 'many:2']);
    const archive = work.path('many.tar');
    await work.ok('save', '-o', archive, 'many:1', 'many:2');
    await docker.ok('load', '-i', archive);
    const names = (await docker.ok('images', '--format', '{{.Repository}}:{{.Tag}}')).split('\n');
    assert.ok(names.includes('many:1') && names.includes('many:2'), names.join(' '));
  });

  test('--load gives an image to the running engine, the second time only what it lacks', {
    skip: needsDocker,
  }, async () => {
    await docker.ok('version');
    const env = work.env({ DOCKER_HOST: docker.host });
    const file = `${busyboxStage}FROM busybox AS big\nCOPY big /big\nFROM big\nARG TEXT\nRUN echo $TEXT >/text\n`;
    const context = work.context({ Dockerfile: file, busybox: busyboxFile, big: randomBytes(8 << 20) });
    const sent = async (text: string, tag: string): Promise<number> => {
      const { stderr } = await work.build(context, ['--load', '-t', tag, '--build-arg', `TEXT=${text}`], {
        env,
      });
      const { stdout } = await docker.try('run', '--rm', '--network', 'none', tag, 'cat', '/text');
      assert.equal(stdout, `${text}\n`);
      const counts = [...stderr.matchAll(/"sending to Docker".*?"current":(\d+)/g)].map(match =>
        Number(match[1]),
      );
      return Math.max(...counts);
    };
    assert.ok((await sent('one', 'loaded:1')) > 8 << 20);
    assert.ok((await sent('two', 'loaded:2')) < 1 << 20);
  });

  // Debian's engine has no such store; by hand this was tried with Docker 26.
  test('--load gives an engine with containerd’s image store whole indexes, with what is stated of them', {
    skip: needs('skopeo'),
  }, async () => {
    const [socket, archive, iid] = [work.path('engine'), work.path('sent.tar'), work.path('loaded-iid')];
    const engine = createServer(async (asked, response) => {
      if (asked.url === '/info')
        return response.end('{"DriverStatus":[["driver-type","io.containerd.snapshotter.v1"]]}');
      assert.match(asked.url!, /^\/images\/load/);
      await pipeline(asked, createWriteStream(archive));
      response.end('{"stream":"Loaded image"}');
    });
    await new Promise<void>(resolve => engine.listen(socket, resolve));
    work.atEnd(() => engine.close());
    const env = work.env({ DOCKER_HOST: `unix://${socket}` });
    const platforms = ['--platform', 'linux/amd64,linux/arm64', '--provenance=mode=min'];
    await work.build(
      { Dockerfile: 'FROM scratch\nCOPY Dockerfile /\n' },
      ['--load', '-t', 'whole:1', '--iidfile', iid, ...platforms],
      { env },
    );
    const raw = await tool('skopeo', 'inspect', '--raw', `oci-archive:${archive}`);
    assert.equal(readFileSync(iid, 'utf8'), `sha256:${createHash('sha256').update(raw).digest('hex')}`);
    assert.equal(JSON.parse(raw).manifests.length, 4);
    const copied = work.path('sent');
    await tool('skopeo', '--insecure-policy', 'copy', '--all', `oci-archive:${archive}`, `dir:${copied}`);
  });

  test('--load without an engine says how to reach one', async () => {
    const env = work.env({ DOCKER_HOST: `unix://${work.path('no-socket')}` });
    const { code, message } = await work.tryBuild(
      { Dockerfile: 'FROM scratch\nCOPY a /\n', a: 'a' },
      ['--load'],
      { env },
    );
    assert.equal(code, 1);
    assert.match(message, /The Docker engine at unix:.*no-socket cannot be reached/);
  });

  test('an image that Docker made can be built on', { skip: needsDocker }, async () => {
    const context = work.context(
      withBusybox('FROM busybox\nRUN rm /bin/wget && echo docker >/by\nENV BY=docker\n'),
    );
    await docker.ok('build', '--network=host', '-t', 'theirs:1', context);
    const archive = work.path('theirs.tar');
    await docker.ok('save', '-o', archive, 'theirs:1');
    await work.ok('load', '-i', archive);
    const { log } = await work.build({
      Dockerfile: 'FROM theirs:1\nRUN cat /by; echo $BY; ls /bin | grep -c wget; true\n',
    });
    assert.equal(log, 'docker\ndocker\n0\n');
  });

  test('skopeo takes an OCI archive, and gives back one that can be built on', {
    skip: needs('skopeo'),
  }, async () => {
    const [archive, back] = [work.path('there.tar'), work.path('back.tar')];
    await work.build(service, ['-t', 'round:1', '-o', `type=oci,dest=${archive}`]);
    await tool(
      'skopeo',
      '--insecure-policy',
      'copy',
      `oci-archive:${archive}:1`,
      `docker-archive:${back}:trip:1`,
    );
    await work.ok('load', '-i', back);
    const { log } = await work.build({ Dockerfile: 'FROM trip:1\nRUN cat /app/made && id -u\n' });
    assert.equal(log, 'made\n1000\n');
  });
});
