import assert from 'node:assert/strict';
import { test } from 'node:test';
import { requestOf, resolverOf } from '../frontend/testing.ts';
import type { FrontendRequest } from '../frontend/types.ts';
import { type Checked, planAndCheck, planChecked } from './checked-plan.ts';

const images = resolverOf(
  Object.fromEntries(
    ['alpine', 'a', 'b', 'd', 'x', 'busybox', 'b:latest'].map(name => [
      `docker.io/library/${name}:latest`,
      { architecture: 'amd64' },
    ]),
  ),
);

function request(text: string, change: Partial<FrontendRequest> = {}): FrontendRequest {
  const resolveImage: FrontendRequest['resolveImage'] = (ref, platform) =>
    images(ref.replace(/:[^:/]*$/, ':latest'), platform);
  return requestOf(text, { allStages: true, resolveImage, ...change });
}

function check(text: string, change: Partial<FrontendRequest> = {}): Promise<Checked> {
  return planAndCheck(request(text, change), () => undefined, 'warning');
}

async function findingsOf(rule: string, text: string, change?: Partial<FrontendRequest>): Promise<string[]> {
  const { findings } = await check(text, change);
  return findings.filter(each => each.rule === rule).map(each => `${each.range.start.line}: ${each.message}`);
}

/** What BuildKit 0.32 says of each, asked with the `frontend.lint` call; `good` has nothing to say about the rule. */
const examples: Record<string, { bad: string; found: string[]; good: string; ignore?: string[] }> = {
  StageNameCasing: {
    bad: `FROM alpine AS BuildER`,
    found: ["1: Stage name 'BuildER' should be lowercase"],
    good: `FROM alpine AS builder
FROM b
COPY --from=BuilDER / /`,
  },
  FromAsCasing: {
    bad: `FROM alpine as x
FROM alpine AS y
FROM alpine As z`,
    found: [
      "1: 'as' and 'FROM' keywords' casing do not match",
      "3: 'As' and 'FROM' keywords' casing do not match",
    ],
    good: `FROM alpine AS x
From alpine As y`,
  },
  NoEmptyContinuation: {
    bad: `FROM alpine
RUN a && \\

  # why
  b`,
    found: ['5: Empty continuation line'],
    good: `FROM alpine
RUN <<E cat && \\
  # why
  true

x
E`,
  },
  ConsistentInstructionCasing: {
    bad: `FROM a
run b
Run c
COPY a b`,
    found: [
      "2: Command 'run' should match the case of the command majority (uppercase)",
      "3: Command 'Run' should match the case of the command majority (uppercase)",
    ],
    good: `from a
run b
workdir /x`,
  },
  DuplicateStageName: {
    bad: `FROM a AS x
FROM b AS X`,
    found: ['2: Duplicate stage name "x", stage names should be unique'],
    good: `FROM a AS x
FROM b AS y
FROM b`,
  },
  ReservedStageName: {
    bad: `FROM a AS scratch
FROM d AS context`,
    found: [
      '1: Stage name should not use the same name as reserved stage "scratch"',
      '2: Stage name should not use the same name as reserved stage "context"',
    ],
    good: `FROM a AS scratch2
FROM scratch`,
  },
  JSONArgsRecommended: {
    bad: `FROM a
ENTRYPOINT serve
FROM a
CMD serve now`,
    found: [
      '2: JSON arguments recommended for ENTRYPOINT to prevent unintended behavior related to OS signals',
      '4: JSON arguments recommended for CMD to prevent unintended behavior related to OS signals',
    ],
    good: `FROM a
SHELL ["/bin/bash", "-c"]
CMD serve
FROM a
ENTRYPOINT ["serve"]`,
  },
  MaintainerDeprecated: {
    bad: `FROM a
MAINTAINER me@x`,
    found: ['2: Maintainer instruction is deprecated in favor of using label'],
    good: `FROM a
LABEL org.opencontainers.image.authors="me@x"`,
  },
  UndefinedArgInFrom: {
    bad: `ARG VERSION
FROM a:\${VERSIOM:-1}
FROM --platform=\${BUILDPLATFROM:-linux/arm64} x`,
    found: [
      "2: FROM argument 'VERSIOM' is not declared (did you mean VERSION?)",
      "3: FROM argument 'BUILDPLATFROM' is not declared (did you mean BUILDPLATFORM?)",
    ],
    good: `ARG VERSION
FROM a:\${VERSION:-1}
FROM --platform=$BUILDPLATFORM x`,
  },
  WorkdirRelativePath: {
    bad: `FROM a
WORKDIR b
WORKDIR c`,
    found: ['2: Relative workdir "b" can have unexpected results if the base image changes'],
    good: `FROM a AS x
ENV D=/x
WORKDIR $D
WORKDIR y
FROM x
WORKDIR z`,
  },
  UndefinedVar: {
    bad: `FROM a
ARG myarg
COPY $foo .
ENV A=$myarh B=$Path`,
    found: [
      "3: Usage of undefined variable '$foo'",
      "4: Usage of undefined variable '$myarh'",
      "4: Usage of undefined variable '$Path'",
    ],
    good: `ARG g=1
FROM a
ARG myarg
COPY $myarg \${myarg:-x} /
RUN echo $anything`,
  },
  MultipleInstructionsDisallowed: {
    bad: `FROM a
CMD ["a"]
HEALTHCHECK CMD x
HEALTHCHECK NONE
cmd ["b"]`,
    found: [
      '2: Multiple cmd instructions should not be used in the same stage because only the last one will be used',
      '3: Multiple HEALTHCHECK instructions should not be used in the same stage because only the last one will be used',
    ],
    good: `FROM a AS x
CMD ["a"]
FROM x
CMD ["b"]
RUN a
RUN b`,
  },
  LegacyKeyValueFormat: {
    bad: `FROM a
ENV a b
LABEL x y z`,
    found: [
      '2: "ENV key=value" should be used instead of legacy "ENV key value" format',
      '3: "LABEL key=value" should be used instead of legacy "LABEL key value" format',
    ],
    good: `FROM a
ENV a=b c="d e"
LABEL x=y`,
  },
  RedundantTargetPlatform: {
    bad: `FROM --platform=$TARGETPLATFORM a
FROM --platform=\${TARGETPLATFORM} b`,
    found: [
      '1: Setting platform to predefined $TARGETPLATFORM in FROM is redundant as this is the default behavior',
      `2: Setting platform to predefined \${TARGETPLATFORM} in FROM is redundant as this is the default behavior`,
    ],
    good: `FROM --platform=$BUILDPLATFORM a
FROM b`,
  },
  SecretsUsedInArgOrEnv: {
    bad: `FROM a
ARG API_KEY
ENV PASSWORD=x my_secret=1`,
    found: [
      '2: Do not use ARG or ENV instructions for sensitive data (ARG "API_KEY")',
      '3: Do not use ARG or ENV instructions for sensitive data (ENV "PASSWORD")',
      '3: Do not use ARG or ENV instructions for sensitive data (ENV "my_secret")',
    ],
    good: `FROM a
ENV SECRET_FILE=x TOKEN_VERSION=1 monkey=1
ARG PUBLIC_KEY`,
  },
  InvalidDefaultArgInFrom: {
    bad: `ARG TAG
FROM busybox:\${TAG}
FROM a\${TAG:-B}`,
    found: [
      `2: Default value for ARG busybox:\${TAG} results in empty or invalid base image name`,
      `3: Default value for ARG a\${TAG:-B} results in empty or invalid base image name`,
    ],
    good: `ARG TAG=1
FROM busybox:\${TAG}
FROM \${NONE:-busybox}`,
  },
  FromPlatformFlagConstDisallowed: {
    bad: `FROM --platform=linux/amd64 a
FROM --platform=linux/arm64 a AS amd64`,
    found: [
      '1: FROM --platform flag should not use constant value "linux/amd64"',
      '2: FROM --platform flag should not use constant value "linux/arm64"',
    ],
    good: `ARG P=linux/amd64
FROM --platform=$P a
FROM --platform=linux/arm64 b AS build-arm64`,
  },
  CopyIgnoredFile: {
    bad: `FROM a
COPY Dockerfile .
ADD ./foo/bar /
COPY a.txt b.txt c/`,
    ignore: ['foo', 'Dockerfile', '*.txt'],
    found: [
      '2: Attempting to Copy file "Dockerfile" that is excluded by .dockerignore',
      '3: Attempting to Add file "foo/bar" that is excluded by .dockerignore',
      '4: Attempting to Copy file "a.txt" that is excluded by .dockerignore',
      '4: Attempting to Copy file "b.txt" that is excluded by .dockerignore',
    ],
    good: `FROM a
COPY . .
COPY --from=b foo /
ADD https://x.org/foo /`,
  },
  InvalidDefinitionDescription: {
    bad: `# check=experimental=all
# the base
FROM a AS x
# more
ARG foo
ARG z`,
    found: [
      '3: Comment for FROM should follow the format: `# x <description>`',
      '5: Comment for ARG should follow the format: `# foo <description>`',
    ],
    good: `# check=experimental=all
# x the base
FROM a AS x
# foo more
ARG foo
# alone

#
ARG z`,
  },
  ExposeProtoCasing: {
    bad: `FROM a
ENV P=90/UDP
EXPOSE 80/TCP $P`,
    found: [
      "3: Defined protocol '90/UDP' in EXPOSE instruction should be lowercase",
      "3: Defined protocol '80/TCP' in EXPOSE instruction should be lowercase",
    ],
    good: `FROM a
EXPOSE 80/tcp 90`,
  },
  ExposeInvalidFormat: {
    bad: `FROM a
EXPOSE 127.0.0.1:80:81 8080:82/tcp`,
    found: [
      "2: EXPOSE instruction should not define an IP address or host-port mapping, found '127.0.0.1:80:81'",
      "2: EXPOSE instruction should not define an IP address or host-port mapping, found '8080:82/tcp'",
    ],
    good: `FROM a
EXPOSE 80-82 90/udp`,
  },
};

for (const [rule, { bad, found, good, ignore: ignorePatterns = [] }] of Object.entries(examples))
  test(`${rule} is found where BuildKit finds it, in its words`, async () => {
    assert.deepEqual(await findingsOf(rule, bad, { ignorePatterns }), found);
    assert.deepEqual(await findingsOf(rule, good, { ignorePatterns }), []);
    assert.equal((await check(good, { ignorePatterns })).error, undefined);
  });

test('each rule has the page that BuildKit has for it', async () => {
  for (const [rule, { bad, ignore: ignorePatterns = [] }] of Object.entries(examples)) {
    const { findings } = await check(bad, { ignorePatterns });
    const { url } = findings.find(each => each.rule === rule)!;
    const page = rule.replace(/(?<=[a-z])[A-Z]|(?<=[A-Z])[A-Z](?=[a-z])/g, c => `-${c}`).toLowerCase();
    assert.equal(url, `https://docs.docker.com/go/dockerfile/rule/${page}/`);
  }
});

test('a base image for another platform is told, and that rule has no page', async () => {
  const arm = resolverOf({ 'docker.io/library/a:latest': { architecture: 'arm64' } });
  const { findings } = await check('FROM a\n', { resolveImage: arm });
  assert.deepEqual(
    findings.map(({ rule, message, url }) => [rule, message, url]),
    [
      [
        'InvalidBaseImagePlatform',
        'Base image a was pulled with platform "linux/arm64", expected "linux/amd64" for current build',
        undefined,
      ],
    ],
  );
});

async function rulesOf(text: string, change?: Partial<FrontendRequest>): Promise<string[]> {
  return (await check(text, change)).findings.map(each => each.rule);
}

const two = 'FROM a AS X\nMAINTAINER me\n';
const argument = (value: string): Partial<FrontendRequest> => ({
  buildArgs: new Map([['BUILDKIT_DOCKERFILE_CHECK', value]]),
});

test('# check=skip leaves rules out', async () => {
  assert.deepEqual(await rulesOf(two), ['StageNameCasing', 'MaintainerDeprecated']);
  assert.deepEqual(await rulesOf(`# check=skip=StageNameCasing\n${two}`), ['MaintainerDeprecated']);
  assert.deepEqual(await rulesOf(`# check= skip = Other , MaintainerDeprecated\n${two}`), [
    'StageNameCasing',
  ]);
  assert.deepEqual(await rulesOf(`# syntax=docker/dockerfile:1\n# check=skip=all\n${two}`), []);
});

test('the build argument goes before what the file says', async () => {
  const text = `# check=skip=all\n${two}`;
  assert.deepEqual(await rulesOf(text, argument('skip=StageNameCasing')), ['MaintainerDeprecated']);
  assert.deepEqual(await rulesOf(text, argument('')), ['StageNameCasing', 'MaintainerDeprecated']);
  assert.deepEqual(await rulesOf(`# check=nonsense\n${two}`, argument('skip=all')), []);
});

test('a comment above an instruction leaves rules out for that instruction', async () => {
  const text =
    'FROM a\n# check=skip=LegacyKeyValueFormat since it is old\nENV a b\nENV c d\n# check=no\nENV e f\n';
  const { findings } = await check(text);
  assert.deepEqual(
    findings.map(({ range }) => range.start.line),
    [4, 6],
  );
});

test('experimental rules are asked for by name, or all of them', async () => {
  const text = '# check=experimental=InvalidDefinitionDescription\n# the base\nFROM a AS x\n';
  assert.deepEqual(await rulesOf(text), ['InvalidDefinitionDescription']);
  assert.deepEqual(await rulesOf(text.replace('Invalid', 'X')), []);
});

test('what # check= cannot be is an error with its place', async () => {
  for (const [value, reason] of [
    ['skip', /"skip" is no option/],
    ['error=maybe', /error is true or false, not "maybe"/],
    ['mend=all', /"mend=all" is no option/],
  ] as const)
    await assert.rejects(check(`# check=${value}\n${two}`), {
      code: 'dockerfile',
      message: reason,
      range: {
        file: 'Dockerfile',
        start: { line: 1, column: 1 },
        end: { line: 1, column: 9 + value.length },
      },
    });
});

test('with error=true a build ends before anything runs, after it told why', async () => {
  const told: string[] = [];
  const build = (text: string) =>
    planChecked(
      request(text),
      () => undefined,
      found => told.push(...found.map(({ rule }) => rule)),
    );
  await assert.rejects(build(`# check=error=true\n${two}`), {
    code: 'dockerfile',
    message: 'Lint violation found for rules: StageNameCasing, MaintainerDeprecated.',
  });
  assert.deepEqual(told, ['StageNameCasing', 'MaintainerDeprecated']);
  await build(`# check=error=true;skip=StageNameCasing,MaintainerDeprecated\n${two}`);
});

test('our own rules do not fail a build that succeeds with Docker', async () => {
  const text = '# check=error=true\nFROM a AS build\nRUN make\nFROM scratch\nCOPY --from=build / /\n';
  const { warnings } = await planChecked(
    request(text),
    () => undefined,
    () => {},
  );
  assert.deepEqual(
    warnings.map(({ rule }) => rule),
    ['CopyWholeStage'],
  );
});

test('instructions count as they are gone through: with the triggers of the base, and keys as variables make them', async () => {
  const text = `FROM a AS base
ONBUILD ENTRYPOINT ["a"]
ONBUILD ENV key v
ONBUILD ARG token
FROM base
ENTRYPOINT ["b"]
ARG name=my_secret
ENV $name=1`;
  const { findings } = await check(text);
  assert.deepEqual(
    findings.map(({ rule, range, fix }) => `${range.start.line} ${rule}${fix ? ' fix' : ''}`),
    [
      '5 LegacyKeyValueFormat',
      '5 SecretsUsedInArgOrEnv',
      '5 SecretsUsedInArgOrEnv',
      '5 MultipleInstructionsDisallowed',
      '8 SecretsUsedInArgOrEnv',
    ],
  );
});

test('stages that the target does not need are not looked into', async () => {
  const text = 'FROM a AS one\nENV k v\nFROM b AS two\nENV k v\nFROM one\n';
  const lines = async (change: Partial<FrontendRequest>): Promise<number[]> =>
    (await check(text, change)).findings.map(({ range }) => range.start.line);
  assert.deepEqual(await lines({ allStages: false }), [2]);
  assert.deepEqual(await lines({ allStages: false, target: 'two' }), [4]);
  assert.deepEqual(await lines({}), [2, 4]);
});

test('what is wrong does not hide what was found', async () => {
  const { error, findings } = await check('FROM a AS X\nEXPOSE nothing\n');
  assert.equal(error?.range?.start.line, 2);
  assert.deepEqual(
    findings.map(({ rule }) => rule),
    ['StageNameCasing'],
  );
});
