import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Digest } from '../util/digest.ts';
import { fc } from '../util/property.ts';
import { type Images, opOf, plan, resolverOf } from './testing.ts';

test('every instruction ends up in the config and in the history as docker writes it', async () => {
  const planned = await plan(
    `FROM debian:bookworm
     LABEL a=b "c d"="e f"
     ARG VERSION=1 EMPTY
     ENV A=1 LANG=de
     WORKDIR /srv
     WORKDIR app
     COPY --chown=1:2 ["a", "b c", "./"]
     ADD --chmod=755 x.tar /x/
     RUN make $VERSION
     RUN ["/bin/tool", "a b"]
     USER app:staff
     EXPOSE 8080 53/udp 80-81
     VOLUME ["/data", "/my data"]
     STOPSIGNAL SIGINT
     SHELL ["/bin/bash", "-ec"]
     HEALTHCHECK --interval=1m30s --timeout=500ms --retries=3 CMD curl -f http://x
     ENTRYPOINT exec app
     CMD ["--flag", "say \\"hi\\""]
     MAINTAINER me@example.org`,
  );
  assert.deepEqual(planned.history, [
    '* debian rootfs',
    '  CMD ["bash"]',
    '  LABEL a=b c d=e f',
    '  ARG VERSION=1 EMPTY',
    '  ENV A=1 LANG=de',
    '* WORKDIR /srv',
    '* WORKDIR /srv/app',
    '* COPY --chown=1:2 a b c ./ # buildkit',
    '* ADD --chmod=755 x.tar /x/ # buildkit',
    '* RUN |2 VERSION=1 EMPTY= /bin/sh -c make $VERSION # buildkit',
    '* RUN |2 VERSION=1 EMPTY= /bin/tool a b # buildkit',
    '  USER app:staff',
    '  EXPOSE [53/udp 80/tcp 81/tcp 8080/tcp]',
    '  VOLUME [/data /my data]',
    '  STOPSIGNAL SIGINT',
    '  SHELL [/bin/bash -ec]',
    '  HEALTHCHECK {Test:[CMD-SHELL curl -f http://x] Interval:1m30s Timeout:500ms StartPeriod:0s StartInterval:0s Retries:3}',
    '  ENTRYPOINT ["/bin/bash" "-ec" "exec app"]',
    '  CMD ["--flag" "say \\"hi\\""]',
    '  MAINTAINER me@example.org',
  ]);
  assert.ok(planned.config.history?.slice(2).every(entry => entry.comment === 'buildkit.dockerfile.v0'));
  assert.equal(planned.config.author, 'me@example.org');
  assert.deepEqual(planned.config.config, {
    Env: ['PATH=/usr/bin:/bin', 'LANG=de', 'A=1'],
    Labels: { a: 'b', 'c d': 'e f' },
    WorkingDir: '/srv/app',
    User: 'app:staff',
    ExposedPorts: { '53/udp': {}, '80/tcp': {}, '81/tcp': {}, '8080/tcp': {} },
    Volumes: { '/data': {}, '/my data': {} },
    StopSignal: 'SIGINT',
    Shell: ['/bin/bash', '-ec'],
    Healthcheck: {
      Test: ['CMD-SHELL', 'curl -f http://x'],
      Interval: 90_000_000_000,
      Timeout: 500_000_000,
      Retries: 3,
    },
    Entrypoint: ['/bin/bash', '-ec', 'exec app'],
    Cmd: ['--flag', 'say "hi"'],
    ArgsEscaped: true,
  });
});

test('a scratch image has a PATH and the root as working directory, and nothing else', async () => {
  const { config } = await plan('FROM scratch');
  assert.deepEqual(config, {
    os: 'linux',
    architecture: 'amd64',
    config: {
      WorkingDir: '/',
      Env: ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'],
    },
    rootfs: { type: 'layers', diff_ids: [] },
    history: [],
  });
});

test('ENTRYPOINT takes away an inherited CMD but not one of its own stage', async () => {
  assert.equal((await plan('FROM debian:bookworm\nENTRYPOINT ["x"]')).config.config?.Cmd, undefined);
  assert.deepEqual((await plan('FROM debian:bookworm\nCMD ["y"]\nENTRYPOINT ["x"]')).config.config?.Cmd, [
    'y',
  ]);
  const over = await plan('FROM scratch AS a\nCMD ["y"]\nFROM a\nENTRYPOINT ["x"]');
  assert.equal(over.config.config?.Cmd, undefined);
});

test('HEALTHCHECK NONE and empty command lists', async () => {
  const { config, history } = await plan('FROM debian:bookworm\nHEALTHCHECK NONE\nCMD []');
  assert.deepEqual(config.config?.Healthcheck, { Test: ['NONE'] });
  assert.equal(config.config?.Cmd, undefined);
  assert.equal(history.at(-1), '  CMD []');
});

test('ARG is known below it, ENV stays in the image, and what each is follows the order', async () => {
  const planned = await plan(
    `ARG BASE=debian
     ARG TAG=bookworm
     FROM $BASE:$TAG
     ARG TAG
     ARG UNSET
     ARG OWN=\${TAG}-own
     ENV SEEN=$OWN-$BASE
     RUN x`,
    { buildArgs: new Map([['OTHER', 'never']]) },
  );
  const { env } = opOf(planned.step('RUN x'), 'exec').meta;
  assert.deepEqual(env, [
    'PATH=/usr/bin:/bin',
    'LANG=C.UTF-8',
    'TAG=bookworm',
    'OWN=bookworm-own',
    'SEEN=bookworm-own-',
  ]);
  assert.deepEqual(planned.config.config?.Env, ['PATH=/usr/bin:/bin', 'LANG=C.UTF-8', 'SEEN=bookworm-own-']);
  assert.deepEqual(
    planned.warnings.map(w => [w.rule, w.range.start.line]),
    [['UndefinedVar', 7]],
  );
});

test('--build-arg goes before a default, also that of a global ARG', async () => {
  const text = 'ARG TAG=none\nFROM debian:$TAG\nARG V=1\nARG TAG\nRUN x';
  const planned = await plan(text, {
    buildArgs: new Map([
      ['TAG', 'bookworm'],
      ['V', '2'],
    ]),
  });
  assert.equal(planned.history.at(-1), '* RUN |2 V=2 TAG=bookworm /bin/sh -c x # buildkit');
});

test('a stage made from another one has its ARGs and ENVs; others have not', async () => {
  const planned = await plan(
    `FROM debian:bookworm AS a
     ARG X=1
     ENV Y=2
     FROM a AS b
     RUN b
     FROM debian:bookworm AS c
     RUN c
     FROM scratch
     COPY --from=b / /
     COPY --from=c / /`,
  );
  const env = (end: string) => opOf(planned.step(end), 'exec').meta.env.filter(e => /^[XY]=/.test(e));
  assert.deepEqual(env('RUN b'), ['X=1', 'Y=2']);
  assert.deepEqual(env('RUN c'), []);
});

test('the platform arguments need no declaration in FROM, and one in a stage', async () => {
  const planned = await plan(
    `FROM --platform=$BUILDPLATFORM debian:bookworm AS b
     ARG TARGETARCH TARGETVARIANT TARGETPLATFORM BUILDARCH TARGETSTAGE
     RUN build $TARGETOS
     FROM debian:bookworm
     COPY --from=b /x /x`,
    { targetPlatform: { os: 'linux', architecture: 'arm', variant: 'v7' } },
  );
  const build = planned.vertices.find(v => v.op.kind === 'exec');
  assert.deepEqual(opOf(build as never, 'exec').meta.env.slice(2), [
    'TARGETARCH=arm',
    'TARGETVARIANT=v7',
    'TARGETPLATFORM=linux/arm/v7',
    'BUILDARCH=amd64',
    'TARGETSTAGE=default',
  ]);
  assert.deepEqual(build?.platform, { os: 'linux', architecture: 'amd64' });
  assert.deepEqual(
    [planned.config.os, planned.config.architecture, planned.config.variant],
    ['linux', 'arm', 'v7'],
  );
});

test('proxies reach every process, and neither history nor config, and change no cache key', async () => {
  const proxies = new Map([
    ['HTTP_PROXY', 'http://p:1'],
    ['no_proxy', 'localhost'],
  ]);
  const planned = await plan('FROM debian:bookworm\nRUN x', { buildArgs: proxies });
  const { meta } = opOf(planned.step('RUN x'), 'exec');
  assert.deepEqual(meta.proxyEnv, {
    httpProxy: 'http://p:1',
    httpsProxy: '',
    ftpProxy: '',
    noProxy: 'localhost',
    allProxy: '',
  });
  assert.equal(JSON.stringify([meta.env, planned.config]).includes('p:1'), false);
  const declared = await plan('FROM debian:bookworm\nARG HTTP_PROXY\nRUN x', { buildArgs: proxies });
  assert.match(declared.history.at(-1) ?? '', /\|1 HTTP_PROXY=http:\/\/p:1 /);
});

test('a source date is in every time that we make, and in an ARG of its name', async () => {
  const text = 'FROM debian:bookworm\nARG SOURCE_DATE_EPOCH\nWORKDIR /x\nCOPY <<f /\nf\nRUN x\n';
  const planned = await plan(text, { sourceDateEpoch: 1700000000 });
  assert.equal(planned.config.created, '2023-11-14T22:13:20Z');
  assert.deepEqual(
    planned.config.history?.map(h => h.created),
    ['2024-01-01T00:00:00Z', undefined, ...Array(4).fill('2023-11-14T22:13:20Z')],
  );
  const [action] = opOf(planned.step('WORKDIR /x'), 'file').actions;
  assert.ok(action?.action?.kind === 'mkdir' && action.action.timestamp === 1700000000n * 1000000000n);
  assert.ok(opOf(planned.step('RUN x'), 'exec').meta.env.includes('SOURCE_DATE_EPOCH=1700000000'));
  assert.equal((await plan(text)).config.created, undefined);
});

test('labels of the request win over those of the file', async () => {
  const { config } = await plan('FROM scratch\nLABEL a=1 b=2', {
    labels: new Map([
      ['b', '3'],
      ['c', '4'],
    ]),
  });
  assert.deepEqual(config.config?.Labels, { a: '1', b: '3', c: '4' });
});

test('an image without history, or with too much of it, still has one entry for each layer', async () => {
  const layer = 'sha256:0000000000000000000000000000000000000000000000000000000000000000' as const;
  const images: Images = {
    'docker.io/library/none:latest': { rootfs: { type: 'layers', diff_ids: [layer, layer] }, history: [] },
    'docker.io/library/much:latest': {
      rootfs: { type: 'layers', diff_ids: [layer] },
      history: [{ created_by: 'a' }, { created_by: 'b' }, { created_by: 'c', empty_layer: true }],
    },
  };
  const layers = async (base: string) => {
    const { config } = await plan(`FROM ${base}\nRUN x`, { resolveImage: resolverOf(images) });
    return config.history?.filter(entry => !entry.empty_layer).length;
  };
  assert.equal(await layers('none'), 3);
  assert.equal(await layers('much'), 2);
});

test('what the base image says of user, directory and shell holds for the first instruction', async () => {
  const images = {
    'docker.io/library/b:latest': {
      config: { User: '7', WorkingDir: '/w', Shell: ['/bin/ash', '-c'], Env: ['A=1'] },
    },
  };
  const planned = await plan('FROM b\nRUN x\nCOPY a b', { resolveImage: resolverOf(images) });
  const { meta } = opOf(planned.step('RUN x'), 'exec');
  assert.deepEqual([meta.user, meta.cwd, meta.args], ['7', '/w', ['/bin/ash', '-c', 'x']]);
  assert.deepEqual(meta.env, ['A=1', 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin']);
  const [copy] = opOf(planned.step('COPY a b'), 'file').actions;
  assert.ok(copy?.action?.kind === 'copy' && copy.action.dest === '/w/b');
});

test('an image for another platform is told', async () => {
  const images = { 'docker.io/library/b:latest': { architecture: 'arm64' } };
  const planned = await plan('FROM b\nRUN x', { resolveImage: resolverOf(images) });
  assert.deepEqual(
    planned.warnings.map(w => w.rule),
    ['InvalidBaseImagePlatform'],
  );
  assert.equal(planned.config.architecture, 'amd64');
  const implicit = await plan('FROM b\nRUN x', { resolveImage: resolverOf(images), implicitPlatform: true });
  assert.equal(implicit.config.architecture, 'arm64');
});

test('the result has as many layers as the history has entries with one, whatever the instructions are', async () => {
  const line = fc.constantFrom(
    ...['RUN a', 'COPY a b', 'ADD a b', 'WORKDIR /', 'WORKDIR x', 'ENV A=1', 'USER u', 'CMD x', 'LABEL a=b'],
    ...['COPY --link a b', 'COPY --link --from=debian:bookworm a b', 'COPY <<e f\ne', 'ARG Z'],
  );
  const base = fc.constantFrom('scratch', 'debian:bookworm');
  await fc.assert(
    fc.asyncProperty(base, fc.array(line, { maxLength: 12 }), async (from, lines) => {
      const planned = await plan([`FROM ${from}`, ...lines, ''].join('\n'));
      const { target, vertices } = planned.graph;
      // The image in these tests has one layer.
      const layers = (digest: Digest | undefined): number => {
        const vertex = digest === undefined ? undefined : vertices.get(digest);
        if (vertex === undefined) return 0;
        const at = (input: number) => layers(vertex.inputs[input]?.digest);
        if (vertex.op.kind === 'source') return 1;
        if (vertex.op.kind === 'merge')
          return vertex.op.inputs.reduce((sum, { input }) => sum + at(input), 0);
        if (vertex.op.kind === 'exec') return 1 + at(vertex.op.mounts[0]?.input ?? -1);
        return 1 + at(opOf(vertex, 'file').actions[0]?.input ?? -1);
      };
      const entries = planned.config.history?.filter(entry => !entry.empty_layer).length;
      assert.equal(entries, layers(target?.digest));
    }),
    { numRuns: 100 },
  );
});
