import assert from 'node:assert/strict';
import { test } from 'node:test';
import { StagecraftError } from '../util/errors.ts';
import { fc } from '../util/property.ts';
import { opOf, plan, resolverOf } from './testing.ts';
import type { FrontendRequest } from './types.ts';

async function failure(text: string, change: Partial<FrontendRequest> = {}): Promise<StagecraftError> {
  try {
    await plan(text, change);
  } catch (error) {
    assert.ok(error instanceof StagecraftError, String((error as Error).stack));
    return error;
  }
  throw new Error('the plan was made');
}

/** Line, message and hint in one text. */
async function told(text: string, change: Partial<FrontendRequest> = {}): Promise<string> {
  const error = await failure(text, change);
  return `${error.range?.start.line ?? '-'}: ${error.message} ${error.hint ?? ''}`.trim();
}

test('a target that is no stage gets a suggestion', async () => {
  const text = 'FROM scratch AS builder\nFROM scratch AS runner';
  assert.match(
    await told(text, { target: 'bulider' }),
    /no stage "bulider".*Did you mean builder\?|"builder"/,
  );
  assert.match(await told(text, { target: 'database' }), /stages are "builder", "runner"/);
  assert.match(await told('FROM scratch', { target: '1' }), /no stage "1".*number from 0 to 0/);
});

test('a stage that is used above its definition is named with both places', async () => {
  const copy = await told('FROM scratch AS a\nCOPY --from=b /x /y\nFROM scratch AS b\nCOPY c /x', {
    target: 'a',
  });
  assert.match(copy, /^2: COPY in stage "a" uses stage "b", which is defined further down, at line 3/);
  const mount = await told('FROM scratch AS a\nRUN --mount=from=b,target=/m x\nFROM scratch AS b', {
    target: 'a',
  });
  assert.match(mount, /^2: RUN in stage "a" uses stage "b"/);
  const number = await told('FROM scratch AS a\nCOPY --from=1 /x /y\nFROM scratch', { target: 'a' });
  assert.match(number, /^2: COPY in stage "a" uses stage number 1/);
});

test('FROM a later stage, which means an image, says that the stage comes later', async () => {
  const text = 'FROM later AS first\nRUN x\nFROM scratch AS later';
  const change = { target: 'first' };
  assert.match(
    await told(text, change),
    /^1: .*image.*later.*Stage "later" is defined further down, at line 3/,
  );
  assert.match(await told('FROM self AS self\nRUN x'), /^1: .*cannot be made from itself/);
  assert.match(
    await told('FROM scratch AS builder\nFROM bulider'),
    /^2: .*[dD]id you mean the stage "builder"/,
  );
});

test('stages that need each other are refused, wherever they are', async () => {
  assert.match(await told('FROM scratch AS a\nCOPY --from=a /x /y'), /^2: Stage "a" copies from itself/);
  const circle = `FROM scratch AS a
COPY --from=b /x /y
FROM scratch AS b
COPY --from=a /x /y
FROM scratch
COPY z /z`;
  assert.match(await told(circle), /^2: Stages need each other in a circle: "a" needs "b" needs "a"/);
});

test('a missing base image is told with its line and name', async () => {
  const error = await failure('FROM scratch\nFROM missing:1.0', { resolveImage: resolverOf({}) });
  assert.equal(error.code, 'not-found');
  assert.equal(error.range?.start.line, 2);
  assert.match(error.message, /missing:1\.0/);
});

test('of several missing images the first in the file is told', async () => {
  const text = 'FROM one AS a\nFROM two AS b\nFROM scratch\nCOPY --from=b / /\nCOPY --from=a / /';
  for (let i = 0; i < 5; i++) assert.match(await told(text), /^1: .*library\/one/);
});

test('what is wrong in FROM is told', async () => {
  assert.match(await told('ARG X\nFROM $X'), /^2: FROM names no base: "\$X" is empty/);
  assert.match(await told('FROM --platform=$NOPE debian:bookworm'), /^1: FROM --platform is empty/);
  assert.match(await told('FROM --platform=a/b/c/d debian:bookworm'), /^1: .*[pP]latform/);
  assert.match(await told('FROM Debian'), /^1: .*image reference.*lowercase/);
  assert.match(await told(''), /.+/);
  assert.match(await told('ARG A=1'), /.+/);
});

test('what is wrong in other instructions is told with the line', async () => {
  const wrong = async (line: string) => told(`FROM scratch\n${line}`);
  assert.match(await wrong('COPY --from=7 a b'), /^2: There is no stage number 7/);
  assert.match(await wrong('COPY --from=$x a b'), /^2: --from cannot have a variable/);
  assert.match(await wrong('COPY --chmod=9 a b'), /^2: --chmod cannot be "9"/);
  assert.match(await wrong('COPY --chmod=17777 a b'), /^2: --chmod/);
  assert.match(await wrong('COPY https://x/y z'), /^2: COPY cannot take https:\/\/x\/y.*ADD can/);
  assert.match(await wrong('ADD --checksum=sha256:0 a b'), /^2: ADD --checksum needs one source/);
  assert.match(await wrong('ADD --checksum=sha256:0 https://x/y b'), /^2: ADD --checksum.*sha256:0/);
  assert.match(await wrong('EXPOSE http'), /^2: EXPOSE cannot take "http"/);
  assert.match(await wrong('STOPSIGNAL SIGNONE'), /^2: STOPSIGNAL names no signal: "SIGNONE"/);
  assert.match(await wrong('RUN --mount=target=/ x'), /^2: RUN --mount cannot have the target/);
  assert.match(await wrong('RUN --mount=type=ssh,source=x x'), /^2: RUN --mount=type=ssh takes no source/);
  // biome-ignore lint/suspicious/noTemplateCurlyInString: the Dockerfile's syntax
  assert.match(await wrong('ENV A="${B:?must be set}"'), /^2: .*must be set/);
});

test('a source date that is none is told', async () => {
  assert.match(
    await told('FROM scratch', { buildArgs: new Map([['SOURCE_DATE_EPOCH', 'yesterday']]) }),
    /yesterday/,
  );
});

test('whatever is in an ONBUILD trigger of a base image is told at FROM', async () => {
  const images = { 'docker.io/library/b:latest': { config: { OnBuild: ['COPY only-one'] } } };
  assert.match(await told('FROM scratch\nFROM b', { resolveImage: resolverOf(images) }), /^2: /);
});

test('a trigger that turns out wrong only when it is used is told at FROM too', async () => {
  const images = {
    'docker.io/library/b:latest': { config: { OnBuild: ['RUN --mount=type=nope,target=/x y'] } },
  };
  const change = { resolveImage: resolverOf(images) };
  assert.match(await told('FROM scratch\n\nFROM b', change), /^3: .*nope/);
});

test('any mixture of instructions and words is a plan, or an error with a place in the file', async () => {
  const words = (text: string) => fc.constantFrom(...text.split(' '));
  const start = fc.oneof(
    words(
      'FROM COPY ADD RUN ARG ENV WORKDIR USER LABEL EXPOSE VOLUME CMD HEALTHCHECK SHELL STOPSIGNAL ONBUILD',
    ),
    fc.constantFrom(
      'COPY --from=a',
      'COPY --link',
      'COPY --parents --exclude=*.c',
      'COPY --chown=$A:5',
      'ADD --unpack',
    ),
    fc.constantFrom(
      'RUN --mount=type=cache,target=/c',
      'RUN --mount=from=b,target=$A',
      'RUN --mount=type=secret,id=s',
    ),
    fc.constantFrom(
      'FROM debian:bookworm AS',
      'FROM scratch AS',
      'FROM a AS',
      'FROM --platform=$TARGETPLATFORM',
    ),
    fc.constantFrom(
      'HEALTHCHECK CMD',
      'ONBUILD RUN',
      'ONBUILD COPY --from=b',
      'COPY --chmod=u+x',
      'ARG A=1\nENV',
    ),
  );
  const word = fc.oneof(
    words('a b c A=1 B=$A $A . / .. ./x/ *.js 80 80/udp <<E SIGTERM 5:6 "q" \'q\' ["a","b"] \\ # = $ ${ ${A'),
    fc.constantFrom(
      'a',
      'b',
      '/d/',
      'https://h/x.git',
      'https://h/x.tgz',
      '\nE\n',
      '["/bin/x",',
      '"y"]',
      '\u00e9\u{1F600}',
    ),
  );
  const line = fc.tuple(start, fc.array(word, { maxLength: 4 })).map(([s, rest]) => [s, ...rest].join(' '));
  await fc.assert(
    fc.asyncProperty(fc.array(line, { maxLength: 8 }), async lines => {
      const text = ['FROM scratch AS a', ...lines, ''].join('\n');
      try {
        await plan(text);
      } catch (error) {
        assert.ok(error instanceof StagecraftError, `${text}\n${(error as Error).stack}`);
        const at = error.range?.start.line ?? 0;
        assert.ok(at >= 1 && at <= text.split('\n').length, `${text}\n${error.message} at ${at}`);
      }
    }),
    { numRuns: 1000 },
  );
});

test("Docker's own frontend by any of its names is ours", async () => {
  for (const frontend of [
    ...['docker/dockerfile', 'docker/dockerfile:1', 'docker/dockerfile:1.7-labs', 'docker/dockerfile:labs'],
    ...[
      'docker.io/docker/dockerfile:1',
      'index.docker.io/docker/dockerfile:1',
      'docker/dockerfile-upstream:master',
    ],
    `docker/dockerfile:1@sha256:${'0'.repeat(64)}`,
  ]) {
    await plan(`# syntax=${frontend} some options\nFROM scratch`);
    await plan('# syntax=a/b\nFROM scratch', { buildArgs: new Map([['BUILDKIT_SYNTAX', frontend]]) });
  }
  await plan('# syntax=a/b\nFROM scratch', { buildArgs: new Map([['BUILDKIT_SYNTAX', 'dockerfile.v0']]) });
});

test('another frontend is refused, with its line and what to do', async () => {
  assert.match(
    await told('# escape=`\n# syntax=tonistiigi/other:1\nFROM scratch'),
    /^2: Dockerfile asks for the frontend "tonistiigi\/other:1", which is not ours\. .*BUILDKIT_SYNTAX=docker/,
  );
  assert.match(await told('# syntax=docker/dokerfile:1\nFROM scratch'), /Did you mean docker\/dockerfile\?/);
  assert.match(
    await told('FROM scratch', { buildArgs: new Map([['BUILDKIT_SYNTAX', 'a/b']]) }),
    /^-: The build argument BUILDKIT_SYNTAX asks for the frontend "a\/b"/,
  );
  // Another registry's image of that name may be anything.
  assert.match(await told('# syntax=example.com/docker/dockerfile:1\nFROM scratch'), /is not ours/);
});

test('a few lines cannot ask for more than a machine can hold', async () => {
  const start = 'ENV A=xxxxxxxxxxxxxxxx\n';
  const doubled = (times: number) => `FROM scratch\n${start}${'ENV A=$A$A\n'.repeat(times)}`;
  assert.match(
    await told(doubled(40)),
    /^18: Cannot expand "\$A\$A": it becomes longer than 1000000 characters/,
  );
  assert.match(await told(`${doubled(15)}${'LABEL l=$A\n'.repeat(80)}`), /more than 32 million characters/);
  assert.match(await told(`${doubled(15)}${'RUN x\n'.repeat(80)}`), /more than 32 million characters/);
  assert.match(
    await told(`FROM scratch\nEXPOSE ${'0-65535 '.repeat(20)}`),
    /more than 32 million characters/,
  );
  assert.match(
    // biome-ignore lint/suspicious/noTemplateCurlyInString: it is the syntax under test
    await told(`FROM scratch\n${start}${'ENV A=${A//x/$A}\n'.repeat(9)}`),
    /longer than 1000000 characters/,
  );
  const pattern = `FROM scratch\nENV A=${'a'.repeat(30_000)}\nENV B=\${A#${'*a'.repeat(15_000)}}`;
  assert.match(await told(pattern), /too long together/);
});

test('environments that follow from one another keep their order', async () => {
  const names = Array.from({ length: 300 }, (_, i) => `N${i % 170}`);
  const lines = names.map((name, i) => `ENV ${name}=${i}\n`).join('');
  const planned = await plan(`FROM scratch\n${lines}RUN x`);
  const last = new Map<string, string>();
  for (const [i, name] of names.entries()) {
    last.delete(name);
    last.set(name, `${name}=${i}`);
  }
  assert.deepEqual(opOf(planned.step('RUN x'), 'exec').meta.env.slice(1), [...last.values()]);
});

test('any number of stages may need one another', async () => {
  const count = 20_000;
  const down = (i: number) => `FROM scratch AS s${i}\nCOPY --from=s${i + 1} a b\n`;
  const stages = Array.from({ length: count }, (_, i) => down(i)).join('');
  assert.match(await told(`${stages}FROM scratch AS s${count}`, { target: 's0' }), /defined further down/);
  assert.match(await told(`${stages}FROM s0 AS s${count}`), /in a circle/);
});
