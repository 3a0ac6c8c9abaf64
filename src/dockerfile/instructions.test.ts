import assert from 'node:assert/strict';
import { test } from 'node:test';
import { errorOf, parse, parseOne } from './testing.ts';

const refusal = (text: string) => errorOf(`FROM a\n${text}`);

test('commands are a JSON array, or else a text for the shell', () => {
  assert.deepEqual(parseOne('CMD', 'CMD ["a", "b c", "\\u00e9"]').command, {
    form: 'exec',
    args: ['a', 'b c', 'é'],
  });
  assert.deepEqual(parseOne('CMD', "CMD ['a']").command, { form: 'shell', text: "['a']" });
  assert.deepEqual(parseOne('ENTRYPOINT', 'ENTRYPOINT ["a"] b').command, { form: 'shell', text: '["a"] b' });
  assert.deepEqual(parseOne('RUN', 'RUN []').command, { form: 'exec', args: [] });
  assert.deepEqual(parseOne('RUN', 'RUN').command, { form: 'shell', text: '' });
  assert.deepEqual(parseOne('RUN', 'RUN a  "b  c" \\\n  $d').command, {
    form: 'shell',
    text: 'a  "b  c"   $d',
  });
  assert.match(refusal('CMD ["a", 1]'), /^2:5 .*nothing but strings/);
});

test('SHELL must be a JSON array', () => {
  assert.deepEqual(parseOne('SHELL', 'SHELL ["/bin/bash", "-c"]').shell, ['/bin/bash', '-c']);
  assert.match(refusal('SHELL bash -c'), /JSON array/);
  assert.match(refusal('SHELL []'), /at least one/);
});

test('ENV and LABEL have pairs, whose quotes wait for expansion, or the old form', () => {
  const pairs = (text: string) =>
    parseOne('ENV', text).pairs.map(({ key, value, legacy }) => [key, value, legacy]);
  assert.deepEqual(pairs('ENV a=1 b="2 3" c=\'4 5\' d=6\\ 7 e='), [
    ['a', '1', false],
    ['b', '"2 3"', false],
    ['c', "'4 5'", false],
    ['d', '6\\ 7', false],
    ['e', '', false],
  ]);
  assert.deepEqual(pairs('ENV a   b=c  "d"'), [['a', 'b=c  "d"', true]]);
  assert.equal(parseOne('LABEL', 'LABEL "x y"=z').pairs[0]?.key, '"x y"');
  assert.match(refusal('ENV'), /at least one/);
  assert.match(refusal('ENV a'), /value for "a"/);
  assert.match(refusal('ENV a=1 b'), /^2:9 .*"b" has none/);
  assert.match(refusal('LABEL =b'), /name before/);
});

test('ARG declares names, with or without a value', () => {
  const args = parseOne('ARG', '# b says more\nARG a b="c d" e=').args;
  assert.deepEqual(
    args.map(({ key, value, comment }) => [key, value, comment]),
    [
      ['a', undefined, undefined],
      ['b', '"c d"', 'says more'],
      ['e', '', undefined],
    ],
  );
  assert.match(refusal('ARG'), /at least one/);
  assert.match(refusal('ARG =a'), /name before/);
});

test('COPY has sources, a destination and flags', () => {
  const copy = parseOne(
    'COPY',
    'COPY --from=build --chown="a b":c --chmod=u+x --link --parents=true --exclude=*.md --exclude=b a b /c/',
  );
  assert.deepEqual(
    [
      copy.sources,
      copy.destination,
      copy.from,
      copy.chown,
      copy.chmod,
      copy.link,
      copy.parents,
      copy.exclude,
    ],
    [['a', 'b'], '/c/', 'build', 'a b:c', 'u+x', true, true, ['*.md', 'b']],
  );
  const plain = parseOne('COPY', 'COPY ["a b", "c"]');
  assert.deepEqual(
    [plain.sources, plain.destination, plain.from, plain.chown, plain.link],
    [['a b'], 'c', undefined, undefined, false],
  );
  assert.match(refusal('COPY a'), /a source and a destination/);
});

test('ADD says for archives and repositories only what it was told', () => {
  const add = parseOne('ADD', 'ADD --checksum=sha256:a --keep-git-dir --unpack=false a b');
  assert.deepEqual([add.checksum, add.keepGitDir, add.unpack], ['sha256:a', true, false]);
  const plain = parseOne('ADD', 'ADD a b');
  assert.deepEqual([plain.checksum, plain.keepGitDir, plain.unpack], [undefined, undefined, undefined]);
});

test('flags that are unknown, repeated, or lack what they need are refused where they stand', () => {
  assert.match(refusal('COPY --form=a b c'), /^2:6 Unknown flag "--form"\. Did you mean --from\?/);
  assert.match(refusal('COPY --chwon=a b c'), /Did you mean --chown\?/);
  assert.match(refusal('COPY --constructor b c'), /Unknown flag "--constructor"/);
  assert.match(refusal('CMD --x a'), /Unknown flag "--x".*has no flags/);
  assert.match(refusal('COPY --from=a --from=b c d'), /^2:15 .*twice/);
  assert.match(refusal('COPY --from a b'), /--from needs a value/);
  assert.match(refusal('COPY --link= a b'), /--link is true or false, not ""/);
  assert.match(refusal('COPY --link=yes a b'), /not "yes"/);
});

test('a word -- ends the flags', () => {
  assert.deepEqual(parseOne('COPY', 'COPY --link -- --a b').sources, ['--a']);
  assert.deepEqual(parseOne('RUN', 'RUN -- --x').command, { form: 'shell', text: '--x' });
  assert.deepEqual(parseOne('RUN', 'RUN a --x').command, { form: 'shell', text: 'a --x' });
});

test('RUN has modes for network and security', () => {
  const run = parseOne('RUN', 'RUN --network=host --security=insecure --device=vendor.com/gpu=0,required a');
  assert.deepEqual([run.network, run.security], ['host', 'insecure']);
  assert.deepEqual(run.devices, [{ name: 'vendor.com/gpu=0', required: true }]);
  const plain = parseOne('RUN', 'RUN a');
  assert.deepEqual([plain.network, plain.security, plain.devices], ['default', 'sandbox', []]);
  assert.match(refusal('RUN --network=bridge a'), /default, none, host, not "bridge"/);
  assert.match(refusal('RUN --security=x a'), /sandbox, insecure/);
  assert.match(refusal('RUN --device=name=a,name=b c'), /it is a already/);
});

test('HEALTHCHECK has a command with its timing, or NONE', () => {
  const check = parseOne(
    'HEALTHCHECK',
    'HEALTHCHECK --interval=1m30s --timeout=.5s --start-period=1.5h --start-interval=10ms --retries=3 CMD curl  x',
  );
  assert.deepEqual(check.test, ['CMD-SHELL', 'curl  x']);
  assert.deepEqual(
    [check.interval, check.timeout, check.startPeriod, check.startInterval, check.retries],
    [90e9, 0.5e9, 5400e9, 10e6, 3],
  );
  assert.deepEqual(parseOne('HEALTHCHECK', 'HEALTHCHECK cmd ["a", "b"]').test, ['CMD', 'a', 'b']);
  assert.deepEqual(parseOne('HEALTHCHECK', 'HEALTHCHECK none').test, ['NONE']);
  assert.equal(parseOne('HEALTHCHECK', 'HEALTHCHECK --interval=0s CMD a').interval, undefined);
  assert.match(refusal('HEALTHCHECK'), /at least one/);
  assert.match(refusal('HEALTHCHECK NONE a'), /^2:18 .*takes no arguments/);
  assert.match(refusal('HEALTHCHECK CMD'), /needs a command/);
  assert.match(refusal('HEALTHCHECK curl x'), /no type curl/);
  assert.match(refusal('HEALTHCHECK --interval=10 CMD a'), /^2:13 --interval: "10" is not a duration/);
  assert.match(refusal('HEALTHCHECK --interval=1us CMD a'), /less than 1ms/);
  assert.match(refusal('HEALTHCHECK --retries=-1 CMD a'), /"-1" is not a number of tries/);
});

test('texts are taken to the end of the line', () => {
  assert.equal(parseOne('WORKDIR', 'WORKDIR  /a b  ').path, '/a b');
  assert.equal(parseOne('USER', 'USER a:b').user, 'a:b');
  assert.equal(parseOne('STOPSIGNAL', 'STOPSIGNAL SIGTERM').signal, 'SIGTERM');
  assert.equal(parseOne('MAINTAINER', 'MAINTAINER A <a@b.c>').maintainer, 'A <a@b.c>');
  for (const kind of ['WORKDIR', 'USER', 'STOPSIGNAL', 'MAINTAINER'])
    assert.match(refusal(kind), /takes exactly one argument/);
});

test('EXPOSE sorts its ports; VOLUME takes a list or an array', () => {
  assert.deepEqual(parseOne('EXPOSE', 'EXPOSE 90 $PORT 80/tcp').ports, ['$PORT', '80/tcp', '90']);
  assert.deepEqual(parseOne('VOLUME', 'VOLUME /a /b').volumes, ['/a', '/b']);
  assert.deepEqual(parseOne('VOLUME', 'VOLUME ["/a b"]').volumes, ['/a b']);
  assert.match(refusal('VOLUME ["/a", " "]'), /^2:15 .*empty/);
  assert.match(refusal('EXPOSE'), /at least one/);
});

test('ONBUILD keeps its trigger, and refuses what can be none', () => {
  assert.equal(parseOne('ONBUILD', 'ONBUILD  RUN a \\\n  b').trigger, 'RUN a   b');
  assert.match(refusal('ONBUILD'), /at least one/);
  assert.match(refusal('ONBUILD onbuild RUN a'), /another ONBUILD/);
  assert.match(refusal('ONBUILD FROM a'), /cannot trigger FROM/);
  assert.match(refusal('ONBUILD MAINTAINER a'), /cannot trigger MAINTAINER/);
  assert.match(refusal('ONBUILD CMD [1]'), /nothing but strings/);
});

test('a trigger with pairs has them right before it is triggered', () => {
  assert.match(errorOf('FROM scratch\nONBUILD ENV A=b C'), /^2:17 ENV needs "="/);
  assert.match(errorOf('FROM scratch\nONBUILD LABEL a'), /^2:15 LABEL needs a value/);
});

test('the words of RUN are text, a script of its own may be any bytes', () => {
  const broken = (text: string) => Buffer.from(text, 'latin1');
  assert.throws(() => parse(broken('FROM scratch\nRUN echo \xff')), {
    range: { file: 'Dockerfile', start: { line: 2, column: 1 }, end: { line: 2, column: 11 } },
  });
  assert.throws(() => parse(broken('FROM scratch\nRUN <<E\n\xff\nE')), /not UTF-8/);
  parse(broken('FROM scratch\nRUN <<E\n#!/bin/x\n\xff\nE'));
  // What no process gets is shown as well as it can be.
  parse(broken('FROM scratch\nMAINTAINER Jos\xe9'));
});
