import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Asked, debian, inputNames, opOf, plan, resolverOf } from './testing.ts';

const pinned = (await plan('FROM debian:bookworm\nRUN x')).names[0]?.replace(/^.* FROM /, '') as string;

test('a stage is found by name in any case, by number, and an image where no stage has the name', async () => {
  const planned = await plan(
    `FROM debian:bookworm AS Builder
     RUN make
     FROM scratch
     COPY --from=bUILDER /app /by-name
     COPY --from=0 /app /by-number
     COPY --from=debian:bookworm /etc/os-release /by-image`,
  );
  const make = '[builder 2/2] RUN make';
  assert.ok(inputNames(planned, planned.step('/by-name')).includes(make));
  assert.ok(inputNames(planned, planned.step('/by-number')).includes(make));
  const image = planned.step('/by-image').inputs.at(-1);
  assert.deepEqual(
    opOf(planned.graph.vertices.get(image?.digest as never) as never, 'source').identifier,
    `docker-image://${pinned}`,
  );
});

test('FROM an earlier stage goes on where that stage ended', async () => {
  const planned = await plan(
    `FROM debian:bookworm AS base
     ENV A=1
     WORKDIR /srv
     USER app
     FROM base AS final
     RUN make`,
  );
  const { meta } = opOf(planned.step('RUN make'), 'exec');
  assert.deepEqual([meta.cwd, meta.user, meta.env.includes('A=1')], ['/srv', 'app', true]);
  assert.deepEqual(inputNames(planned, planned.step('RUN make')), ['[base 2/2] WORKDIR /srv']);
});

test('only what the target reaches is in the graph, and only its images are asked for', async () => {
  const asked: Asked[] = [];
  const text = `
    FROM debian:bookworm AS deps
    RUN deps
    FROM nowhere/at/all AS unused
    RUN unused
    FROM deps AS tests
    RUN tests
    FROM deps
    RUN final`;
  const last = await plan(text, { resolveImage: resolverOf(debian, asked) });
  assert.deepEqual(
    last.names.map(name => name.replace(/FROM.*/, 'FROM')),
    ['[deps 1/2] FROM', '[deps 2/2] RUN deps', '[stage-3 1/1] RUN final'],
  );
  assert.deepEqual(asked, [{ ref: 'docker.io/library/debian:bookworm', platform: 'linux/amd64' }]);
  assert.deepEqual(last.stages, [
    { name: 'deps', index: 0, base: pinned },
    { name: 'stage-3', index: 3, base: 'deps' },
  ]);
  assert.ok((await plan(text, { target: 'tests' })).names.includes('[tests 1/1] RUN tests'));
  assert.ok((await plan(text, { target: 'TESTS' })).names.includes('[tests 1/1] RUN tests'));
  assert.ok((await plan(text, { target: '0' })).names.at(-1) === '[deps 2/2] RUN deps');
});

test('two stages of the same text are one in the graph', async () => {
  const planned = await plan(
    `FROM debian:bookworm AS a
     RUN make
     FROM debian:bookworm AS b
     RUN make
     FROM scratch
     COPY --from=a /x /a
     COPY --from=b /x /b`,
  );
  assert.equal(planned.vertices.filter(v => v.op.kind === 'exec').length, 1);
});

test('a base image is pinned by its digest', async () => {
  const planned = await plan('FROM debian:bookworm\nRUN x');
  assert.match(
    opOf(planned.vertices[0] as never, 'source').identifier,
    /^docker-image:\/\/docker\.io\/library\/debian:bookworm@sha256:[0-9a-f]{64}$/,
  );
  assert.deepEqual(planned.vertices[0]?.platform, { os: 'linux', architecture: 'amd64' });
});

test('FROM scratch and nothing else is the empty file system', async () => {
  const planned = await plan('FROM scratch\nLABEL a=b');
  assert.equal(planned.definition.ops.length, 0);
  assert.deepEqual(planned.config.config?.Labels, { a: 'b' });
  assert.deepEqual(planned.config.rootfs.diff_ids, []);
});

test('steps are named as docker names them', async () => {
  const alone = await plan(
    `FROM debian:bookworm
     WORKDIR /x
     run   make
     LABEL a=b
     COPY a b /dest/
     ADD c .`,
    { resolveImage: resolverOf(debian) },
  );
  assert.deepEqual(alone.names, [
    `[1/5] FROM ${pinned}`,
    '[2/5] WORKDIR /x',
    '[3/5] RUN   make',
    '[internal] load build context',
    '[4/5] COPY a b /dest/',
    '[5/5] ADD c .',
  ]);
  const many = await plan(`FROM debian:bookworm AS b\n${'RUN x\n'.repeat(11)}FROM b\nRUN y`);
  assert.equal(many.names[1], '[b  2/12] RUN x');
  assert.equal(many.names.at(-1), '[stage-1 1/1] RUN y');
  const crossed = await plan(
    'FROM --platform=$BUILDPLATFORM debian:bookworm AS b\nARG TARGETPLATFORM\nRUN x',
    {
      multiPlatform: true,
      targetPlatform: { os: 'linux', architecture: 'arm64' },
    },
  );
  assert.equal(crossed.names.at(-1), '[linux/amd64->arm64 2/2] RUN x');
});

test('variables in step names are shown with their values, secrets are not', async () => {
  const planned = await plan(
    `FROM debian:bookworm
     ARG VERSION=1.2
     RUN fetch $VERSION "$UNSET"
     RUN --mount=type=secret,id=t,env=TOKEN use $TOKEN
     COPY a$VERSION /x`,
    { buildArgs: new Map([['TOKEN', 'no']]) },
  );
  assert.equal(planned.names[1], '[stage-0 2/4] RUN fetch 1.2 "$UNSET"');
  assert.equal(planned.names[2], '[stage-0 3/4] RUN --mount=type=secret,id=t,env=TOKEN use ****');
  assert.equal(planned.names[4], '[stage-0 4/4] COPY a1.2 /x');
});

test('ONBUILD of a base image and of a base stage runs first in the next stage, and not in the one after', async () => {
  const images = {
    'docker.io/library/node:onbuild': {
      config: { OnBuild: ['COPY package.json /app/', 'RUN npm ci'], WorkingDir: '/app' },
    },
  };
  const planned = await plan(
    `FROM node:onbuild AS app
     ONBUILD RUN from-stage
     RUN own
     FROM app AS next
     RUN after
     FROM next
     RUN last`,
    { resolveImage: resolverOf(images) },
  );
  assert.deepEqual(
    planned.names.filter(name => !name.includes('FROM')),
    [
      '[internal] load build context',
      '[app 2/4] ONBUILD COPY package.json /app/',
      '[app 3/4] ONBUILD RUN npm ci',
      '[app 4/4] RUN own',
      '[next 1/2] ONBUILD RUN from-stage',
      '[next 2/2] RUN after',
      '[stage-2 1/1] RUN last',
    ],
  );
  assert.equal(planned.config.config?.OnBuild, undefined);
  const kept = await plan('FROM scratch\nONBUILD RUN a\nONBUILD COPY --from=x a b');
  assert.deepEqual(kept.config.config?.OnBuild, ['RUN a', 'COPY --from=x a b']);
});

test('an ONBUILD trigger may copy from another stage', async () => {
  const images = { 'docker.io/library/b:latest': { config: { OnBuild: ['COPY --from=assets /a /a'] } } };
  const planned = await plan('FROM scratch AS assets\nCOPY a /a\nFROM b\nRUN x', {
    resolveImage: resolverOf(images),
  });
  assert.ok(
    inputNames(planned, planned.step('ONBUILD COPY --from=assets /a /a')).includes('[assets 1/1] COPY a /a'),
  );
});

test('a named context stands in for an image, and for a whole stage', async () => {
  const asked: Asked[] = [];
  const text = 'FROM alpine AS deps\nRUN deps\nFROM debian:bookworm\nCOPY --from=deps /x /y';
  const planned = await plan(text, {
    resolveImage: resolverOf({ ...debian, 'docker.io/library/busybox:1': {} }, asked),
    namedContexts: new Map([
      ['deps', { type: 'local', name: 'deps-dir', ignorePatterns: ['*.log'] }],
      ['debian:bookworm', { type: 'image', ref: 'busybox:1' }],
    ]),
  });
  assert.deepEqual(
    asked.map(a => a.ref),
    ['docker.io/library/busybox:1'],
  );
  assert.deepEqual(opOf(planned.step('[context deps] load from client'), 'source'), {
    kind: 'source',
    identifier: 'local://deps-dir',
    attrs: {
      'local.excludepatterns': '["*.log"]',
      'local.followpaths': '["x"]',
      'local.sharedkeyhint': 'context:deps',
    },
  });
});

test('--no-cache marks the steps of all stages, or of those named, and changes no digest', async () => {
  const text = 'FROM debian:bookworm AS a\nRUN x\nFROM a AS b\nRUN y\nCOPY . .';
  const marked = async (noCache: boolean | string[]) => {
    const planned = await plan(text, { noCache });
    return [
      planned.vertices.filter(v => v.metadata.ignoreCache).map(v => v.metadata.name),
      planned.graph.target,
    ];
  };
  const [all, target] = await marked(true);
  assert.deepEqual(all, ['[a 2/2] RUN x', '[b 1/2] RUN y', '[b 2/2] COPY . .']);
  assert.deepEqual(await marked(['B']), [['[b 1/2] RUN y', '[b 2/2] COPY . .'], target]);
  assert.deepEqual(await marked(false), [[], target]);
});
