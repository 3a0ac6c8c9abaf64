import assert from 'node:assert/strict';
import { test } from 'node:test';
import { check, fixed } from '../testing.ts';
import { aptInstallRecommends as rule } from './apt-install-recommends.ts';

const of = (run: string) => check(rule, `FROM debian:12\n${run}\n`);

test('An install that takes recommended packages along is found, at its words', async () => {
  assert.deepEqual(await of('RUN apt-get update && \\\n    apt-get install -y curl'), [
    '3:5 "apt-get install" also installs what the packages merely recommend; --no-install-recommends leaves it out',
  ]);
  for (const run of [
    'RUN sudo apt-get -y install curl',
    'RUN DEBIAN_FRONTEND=noninteractive apt-get -qq -o Dpkg::Use-Pty=0 install curl',
    'RUN apt install -y curl',
    'RUN ["apt-get", "install", "-y", "curl"]',
    'RUN <<EOF\nset -e\napt-get install -y curl\nEOF',
    'SHELL ["/bin/bash", "-o", "pipefail", "-c"]\nRUN apt-get install -y curl',
    'RUN bash -c "apt-get install -y curl"',
    'RUN if true; then apt-get install -y $PACKAGES; fi',
  ])
    assert.equal((await of(run)).length, 1, run);
});

test('Where somebody decided, or nothing is installed, there is nothing to say', async () => {
  for (const run of [
    'RUN apt-get install -y --no-install-recommends curl',
    'RUN apt-get install --install-recommends curl',
    'RUN apt-get -o APT::Install-Recommends=0 install curl',
    'RUN echo \'APT::Install-Recommends "false";\' > /etc/apt/apt.conf.d/x && apt-get install -y curl',
    'COPY <<EOF /etc/apt/apt.conf.d/x\nAPT::Install-Recommends "0";\nEOF\nRUN apt-get install -y curl',
    'RUN apt-get update',
    'RUN echo apt-get install curl',
    'RUN apt-get install -y',
    'RUN apt-get remove install',
    'SHELL ["powershell", "-Command"]\nRUN apt-get install -y curl',
  ])
    assert.deepEqual(await of(run), [], run);
});

test('Only what the final image is made of counts', async () => {
  const text = 'FROM debian:12 AS build\nRUN apt-get install -y gcc\nFROM scratch\nCOPY --from=build /a /a\n';
  assert.deepEqual(await check(rule, text), []);
  const base = 'FROM debian:12 AS base\nRUN apt-get install -y curl\nFROM base\n';
  assert.equal((await check(rule, base)).length, 1);
});

test('The fix adds the flag behind the word, in all forms of text', async () => {
  assert.equal(
    await fixed(
      rule,
      'FROM debian:12\nRUN apt-get update \\\n && apt-get -y install \\\n    # why\n\n  curl\n',
    ),
    'FROM debian:12\nRUN apt-get update \\\n && apt-get -y install --no-install-recommends \\\n    # why\n\n  curl\n',
  );
  assert.equal(
    await fixed(rule, 'FROM debian:12\nRUN <<-EOF\n\tset -e\n\tapt-get install -y curl\nEOF\n'),
    'FROM debian:12\nRUN <<-EOF\n\tset -e\n\tapt-get install --no-install-recommends -y curl\nEOF\n',
  );
  assert.equal(
    await fixed(rule, 'FROM debian:12\nRUN sh <<EOF && apt-get install b\napt-get install a\nEOF\n'),
    'FROM debian:12\nRUN sh <<EOF && apt-get install --no-install-recommends b\napt-get install a\nEOF\n',
  );
});
