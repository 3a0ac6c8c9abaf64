// biome-ignore-all lint/suspicious/noTemplateCurlyInString: it is the syntax that is written
import type { Random } from './random.ts';

/** Writes Dockerfiles: mostly right ones, of every instruction, flag and form, with something wrong now and then. */
export function writeDockerfile(random: Random): string {
  const lines: string[] = random.once(4) ? [random.pick(directives)] : [];
  lines.push(...random.some(2, () => `ARG ${declaration(random)}`));
  const stages = 1 + random.below(4);
  for (let stage = 0; stage < stages; stage++) {
    const name = random.once(2) ? ` AS ${random.pick(names)}` : '';
    lines.push(`FROM ${platform(random)}${random.pick(bases)}${name}`);
    lines.push(...random.some(8, () => writeInstruction(random)));
  }
  const text = lines.map(line => (random.once(12) ? decorate(random, line) : line)).join('\n');
  if (random.once(20)) return `\ufeff${text}`;
  return random.once(12) ? text.replaceAll('\n', '\r\n') : `${text}\n`;
}

const directives = [
  '# escape=`',
  '# escape=\\',
  '# syntax=docker/dockerfile:1',
  '# check=skip=all',
  '# check=error=false;skip=StageNameCasing',
  '# check=error=perhaps',
  '# ordinary=comment',
];
const names = ['a', 'build', 'B', 'test-1', 'x_y', 'final', 'scratch2'];
const bases = [
  'scratch',
  'debian',
  'debian:12',
  'a',
  'build',
  '$A',
  '${B:-debian}',
  'b',
  'test-1',
  'reg.io:5000/x/y',
];
const variables = [
  '$A', '${A}', '${B:-c d}', '${A:+$B}', '${U-x}', '${U:?no}', '${A#v}', '${A##*a}', '${A%%c*}', '${A/a/b}',
  '${A//a*/\\/}', '\\$A', "'$A'", '"$A b"', '$', '${', '$1', '${A:-${B:-${U}}}', '$TARGETARCH', '$é',
]; // biome-ignore format: a list
const words = [
  'a',
  '/b',
  'c/d.txt',
  '*.ts',
  '.',
  '..',
  './',
  'x=y',
  '"q r"',
  "'s'",
  'a\\ b',
  '-',
  '--',
  '#',
  'é',
  '[a]',
];
const flags: Readonly<Record<string, readonly string[]>> = {
  COPY: [
    '--from=a', '--from=0', '--from=debian', '--chown=1:2', '--chown=$A', '--chmod=755', '--chmod=u+x', '--link',
    '--parents', '--exclude=*.md', '--link=false',
  ], // biome-ignore format: a list
  ADD: [
    '--chown=a',
    '--checksum=sha256:0',
    '--keep-git-dir',
    '--unpack=false',
    '--link',
    '--exclude=a',
    '--chmod=$M',
  ],
  RUN: [
    '--mount=target=/m', '--mount=type=cache,target=/c,sharing=locked', '--mount=type=secret,id=s,env=S',
    '--mount=type=ssh', '--mount=type=tmpfs,target=/t,size=1m', '--mount=from=a,target=/x,rw', '--network=none',
    '--network=$A', '--security=sandbox', '--device=v.com/c=d', '--mount=target=$A',
  ], // biome-ignore format: a list
  HEALTHCHECK: [
    '--interval=1m30s',
    '--timeout=5s',
    '--retries=3',
    '--start-period=1h',
    '--start-interval=2s',
  ],
};
const keywords = [
  'ADD', 'ARG', 'CMD', 'COPY', 'COPY', 'ENTRYPOINT', 'ENV', 'ENV', 'EXPOSE', 'HEALTHCHECK', 'LABEL', 'MAINTAINER',
  'ONBUILD', 'RUN', 'RUN', 'SHELL', 'STOPSIGNAL', 'USER', 'VOLUME', 'WORKDIR', 'RUNN', 'run',
]; // biome-ignore format: a list

export function writeInstruction(random: Random): string {
  if (random.once(15)) return random.pick(['', '# comment', '  # indented', '#', '\t', '\\']);
  const keyword = random.pick(keywords);
  const known = flags[keyword.toUpperCase()] ?? [];
  const own = known.length === 0 || random.once(2) ? [] : random.some(3, () => random.pick(known));
  const wrong = random.once(25) ? [random.pick(['--nope', '--from', '--link=maybe', '--'])] : [];
  return [keyword, ...own, ...wrong, operands(random, keyword)].join(' ');
}

function operands(random: Random, keyword: string): string {
  const list = () => [word(random), ...random.some(2, () => word(random))].join(' ');
  switch (keyword.toUpperCase()) {
    case 'ADD':
      if (random.once(3))
        return `${random.pick(['https://h/f.tgz', 'https://h/r.git#v1:d', 'git@h:a/b.git'])} ${word(random)}`;
      return random.once(4) ? heredoc(random, '/d/') : `${list()} ${word(random)}`;
    case 'COPY':
      return random.once(4)
        ? heredoc(random, '/d/')
        : random.once(5)
          ? json(random)
          : `${list()} ${word(random)}`;
    case 'RUN':
      return random.once(4) ? heredoc(random, '') : command(random);
    case 'ARG':
      return declaration(random);
    case 'ENV':
    case 'LABEL':
      return random.once(6)
        ? `K ${list()}`
        : [declaration(random), ...random.some(2, () => declaration(random))].join(
            random.pick([' ', '  ', ' \\\n ']),
          );
    case 'EXPOSE':
      return random.pick(['80', '80/udp 443', '8000-8010', '$A', '127.0.0.1:80:90', 'x', '${U:-1 2}']);
    case 'HEALTHCHECK':
      return random.once(4) ? 'NONE' : `CMD ${command(random)}`;
    case 'ONBUILD':
      return writeInstruction(random);
    case 'STOPSIGNAL':
      return random.pick(['SIGTERM', '9', 'RTMIN+1', '$A', 'nope']);
    case 'SHELL':
      return json(random);
    default:
      return random.once(4) ? command(random) : list();
  }
}

function declaration(random: Random): string {
  const key = random.pick(['A', 'B', 'M', 'PATH', 'TARGETARCH', 'SOURCE_DATE_EPOCH', 'a.b', '"q"']);
  return random.once(5)
    ? key
    : `${key}=${random.pick(['', '1', '"x y"', "'z'", '$A', '${U:-v}', 'a\\ b', '0755'])}`;
}

function word(random: Random): string {
  return random.once(4) ? random.pick(variables) : random.pick(words);
}

function command(random: Random): string {
  if (random.once(4)) return json(random);
  const parts = [word(random), ...random.some(4, () => word(random))];
  return parts.join(random.pick([' ', ' ', ' && ', ' \\\n    ', ' | ', '; ', ' \\\n# c\n ']));
}

function json(random: Random): string {
  const items = random.some(3, () => JSON.stringify(word(random)));
  return random.once(8) ? `[${items.join(', ')}` : `[${items.join(', ')}]`;
}

function heredoc(random: Random, destination: string): string {
  const marker = random.pick(['<<E', '<<-E', '<<"E"', "<<'E'", 'cat <<E', '3<<E', '<<E <<E']);
  const body = random.some(4, () =>
    random.pick(['b', '\tt $A', '#!/bin/sh', '', 'x \\', '${U:-"q"}', 'E x']),
  );
  return `${marker} ${destination}\n${body.map(line => `${line}\n`).join('')}${random.once(10) ? '' : 'E'}`;
}

function platform(random: Random): string {
  return random.once(5)
    ? `--platform=${random.pick(['$BUILDPLATFORM', 'linux/arm64', '$U', 'linux', 'windows/amd64', 'x/y/z/w'])} `
    : '';
}

/** What may stand in any line and should change nothing, or break it. */
function decorate(random: Random, line: string): string {
  switch (random.below(5)) {
    case 0:
      return `  ${line}  `;
    case 1:
      return line.replace(' ', ' \\\n');
    case 2:
      return line.replace(' ', ' \\\n# between\n\n  ');
    case 3:
      return line.toLowerCase();
    default:
      return `${line} \\`;
  }
}
