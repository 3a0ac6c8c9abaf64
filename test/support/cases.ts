import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { busyboxStage } from './busybox.ts';
import type { Files } from './workspace.ts';

/** A Dockerfile that every builder must make the same image of. */
export interface Case {
  readonly name: string;
  /**
   * True where Buildah is asked, too. Elsewhere it differs from Docker: it drops the bits of set-user-ID programs, makes
   * working directories late and as root, forgets what is written to a volume, and lets no step make devices.
   */
  readonly buildah?: boolean;
  /** What follows the stage `busybox`. */
  readonly dockerfile: string;
  readonly files?: Files;
  /** Makes what {@link files} cannot say. */
  readonly prepare?: (context: string) => void;
  readonly args?: readonly string[];
  /** Directories on which a step mounts something. */
  readonly mountpoints?: readonly string[];
  /** An image that must be there before, under the name `parent`. */
  readonly parent?: string;
}

const users = `RUN mkdir -p /etc && printf 'root:x:0:0::/root:/bin/sh\\napp:x:1000:1001::/home/app:/bin/sh\\n' >/etc/passwd && echo team:x:2002: >/etc/group
`;

/** Long enough for every extension of the tar format. */
const long = 'l'.repeat(120);

export const cases: readonly Case[] = [
  {
    name: 'modes, links and empty directories of a copied tree',
    dockerfile: 'FROM scratch\nCOPY tree /tree\nCOPY tree/link /links/\n',
    files: {
      'tree/program': { content: '#!/bin/sh', mode: 0o755 },
      'tree/private': { content: 'p', mode: 0o600 },
      'tree/special': { content: 's', mode: 0o6755 },
      'tree/sticky': { directory: true, mode: 0o1777 },
      'tree/empty': { directory: true, mode: 0o700 },
      'tree/link': { link: 'program' },
      'tree/dangling': { link: '/nowhere' },
      'tree/directory-link': { link: 'sticky' },
    },
  },
  {
    name: 'patterns, and what a slash at the end means',
    buildah: true,
    dockerfile: `FROM scratch
COPY *.txt /texts/
COPY d?r /one/
COPY dir /two
COPY dir/ /three/
COPY a.txt four
COPY a.txt /five/six/
COPY [ "a b", "/with space/" ]
ADD [a]*.txt dir /mixed/
`,
    files: { 'a.txt': 'a', 'b.txt': 'b', 'dir/x': 'x', 'dir/sub/y': 'y', 'dor/z': 'z', 'a b': 'space' },
  },
  {
    name: 'a copy onto what is there already',
    dockerfile: `FROM busybox
RUN mkdir -m 700 /there /there/sub && echo old >/there/file && echo keep >/there/kept && ln -s there /alias && mkdir /real && ln -s /real /there/inner
COPY tree /there
COPY tree/file /alias/through
COPY tree/sub /there/inner/
`,
    files: { 'tree/file': 'new', 'tree/sub/deep': 'd' },
  },
  {
    name: 'owners by name and number',
    buildah: true,
    dockerfile: `FROM busybox
${users}COPY --chown=app file /a
COPY --chown=app:team tree /b
COPY --chown=5 file /new/directory/c
COPY --chown=:7 file /d
COPY --chown=8:9 tree/ /existing/
ADD --chown=1:2 file /e
`,
    files: { file: 'f', 'tree/sub/x': 'x' },
  },
  {
    name: 'modes by --chmod',
    // Of files only, and plain ones: later versions of BuildKit than Debian's change directories too, and keep all bits.
    dockerfile: `FROM busybox
RUN mkdir /b
COPY --chmod=0751 file /a
COPY --chmod=0604 tree/* /b/
ADD --chmod=444 file /c
`,
    files: { file: 'f', 'tree/x': { content: 'x', mode: 0o600 }, 'tree/link': { link: 'x' } },
  },
  {
    name: 'archives that ADD unpacks',
    dockerfile: `FROM busybox
RUN mkdir -p /onto/dir && echo old >/onto/dir/file && ln -s dir /onto/way
ADD a.tar.gz /new/
ADD a.tar.gz /onto
COPY a.tar.gz /kept.tar.gz
ADD not-an-archive.tar /plain/
`,
    files: {
      'in/dir/file': { content: 'packed', mode: 0o640 },
      'in/dir/program': { content: 'p', mode: 0o4755 },
      'in/link': { link: 'dir/file' },
      'not-an-archive.tar': 'text',
    },
    prepare(context) {
      execFileSync('ln', [join(context, 'in/dir/file'), join(context, 'in/hard')]);
      execFileSync('mkfifo', [join(context, 'in/fifo')]);
      execFileSync('chown', ['-R', '12:34', join(context, 'in')]);
      execFileSync('tar', ['-C', join(context, 'in'), '-czf', join(context, 'a.tar.gz'), '.']);
    },
  },
  {
    name: 'working directories',
    dockerfile: `FROM busybox
${users}WORKDIR /one
WORKDIR two/three
RUN pwd >file && mkdir -m 711 /there
WORKDIR /there
USER app
WORKDIR /home/app/deep
RUN pwd >/tmp-free 2>/dev/null; id -u
ENV PLACE=/from/env
WORKDIR $PLACE/x
COPY file .
`,
    files: { file: 'f' },
  },
  {
    name: 'variables and arguments',
    dockerfile: `ARG GLOBAL=global
FROM busybox
ARG GLOBAL
ARG WITH=default
ARG GIVEN=default
ARG EMPTY
ENV A=1 B="two words" C=x\\ y D=$A
ENV legacy one two
ENV E=\${A:-no} F=\${NONE:-yes} G=\${A:+set} H="\${B}" I='$A' J=\\$A
LABEL one=$A "two words"="x $B" multi="a\\
b" given=$GIVEN
RUN echo "$GLOBAL $WITH $GIVEN [$EMPTY] $A $B $C $D $legacy $E $F $G $H $I $J" >/said
RUN echo "$TARGETPLATFORM|$HTTP_PROXY" >/platform
COPY $GIVEN /$WITH/
`,
    files: { given: 'g' },
    args: ['--build-arg', 'GIVEN=given'],
  },
  {
    name: 'all that the configuration holds',
    dockerfile: `FROM busybox
MAINTAINER someone@example.org
LABEL a=1 b=2
LABEL a=3
EXPOSE 80 443/tcp 53/udp 8000-8002
VOLUME /data /more
VOLUME ["/json"]
USER 1000:1000
WORKDIR /work
STOPSIGNAL SIGQUIT
HEALTHCHECK --interval=5s --timeout=3s --start-period=1m --retries=4 CMD wget -q localhost || exit 1
ENTRYPOINT ["/entry", "with space"]
CMD ["one", "two"]
ONBUILD RUN echo later
ONBUILD COPY . /later
`,
  },
  {
    name: 'shell forms, and what undoes them',
    dockerfile: `FROM busybox AS first
CMD echo first
HEALTHCHECK CMD true
FROM first
SHELL ["/bin/busybox", "ash", "-c"]
ENTRYPOINT run $HOME
HEALTHCHECK NONE
RUN echo shell >/file
CMD []
`,
  },
  {
    name: 'removals and replacements',
    buildah: true,
    dockerfile: `FROM busybox
RUN mkdir -p /t/dir/sub /t/gone /t/todir.d && touch /t/dir/a /t/dir/sub/b /t/gone/c /t/tolink /t/todir && ln -s dir /t/link
RUN rm -r /t/gone /t/dir/a && rm /t/link && mkdir /t/link && touch /t/link/new && rm /t/todir && mkdir /t/todir && rm -r /t/todir.d && touch /t/todir.d && rm /t/tolink && ln -s dir /t/tolink
RUN rm -r /t/dir && mkdir -m 750 /t/dir && touch /t/dir/again
RUN rm -rf /t/todir.d /t/nothing; mkdir /t/nothing; rmdir /t/nothing
`,
  },
  {
    name: 'hard links within and across layers',
    buildah: true,
    dockerfile: `FROM busybox
RUN mkdir /h && echo 1 >/h/a && ln /h/a /h/b
RUN ln /h/a /h/c && echo other >/h/x && ln /h/x /h/y
RUN rm /h/b
FROM busybox
COPY --from=1 /h/x /h/y /copied/
`,
  },
  {
    name: 'special files and bits',
    dockerfile: `FROM busybox
RUN mkdir /s && cd /s && mkfifo fifo && mknod null c 1 3 && mknod disk b 7 0 && chmod 640 disk && cp /bin/busybox suid && chmod 4755 suid && mkdir tmp && chmod 1777 tmp && mkdir group && chown 0:5 group && chmod 2775 group && touch group/inherits
`,
  },
  {
    name: 'only modes, owners and times change',
    buildah: true,
    dockerfile: `FROM busybox
COPY tree /tree
RUN chmod 700 /tree/a && chown 3:4 /tree/b && touch -d '2001-01-01 00:00:00' /tree/c && chmod 711 /tree
RUN chown -R 9:9 /tree/sub
RUN true
RUN cat /tree/a >/dev/null
`,
    files: { 'tree/a': 'a', 'tree/b': 'b', 'tree/c': 'c', 'tree/sub/d': 'd', 'tree/sub/link': { link: 'd' } },
  },
  {
    name: 'a volume keeps what later steps write',
    dockerfile:
      'FROM busybox\nRUN mkdir /v && echo 1 >/v/before\nVOLUME /v\nRUN echo 2 >/v/after\nCOPY file /v/\n',
    files: { file: 'f' },
  },
  {
    name: 'copies between stages',
    buildah: true,
    dockerfile: `FROM busybox AS make
RUN mkdir -p /o/dir/sub /o/empty && echo 1 >/o/dir/a && echo 2 >/o/dir/sub/b && chown -R 11:12 /o/dir && ln -s dir/a /o/link && ln -s dir /o/dirlink && ln -s /o/dir/sub /o/absolute && chmod 3770 /o/empty
FROM scratch AS other
COPY --from=make /o/dir /dir
FROM busybox
COPY --from=make /o /whole
COPY --from=make /o/dir /o/empty /two/
COPY --from=make /o/l* /globbed/
COPY --from=make /o/link /followed
COPY --from=make /o/dirlink /dirlink
COPY --from=make /o/dirlink/ /dirlink-slash/
COPY --from=make /o/absolute/b /absolute-b
COPY --from=other / /other/
COPY --from=1 --chown=1:1 /o/dir/ /changed
`,
  },
  {
    name: 'an ignore file',
    buildah: true,
    dockerfile: 'FROM scratch\nCOPY . /all/\nCOPY src /src/\n',
    files: {
      '.dockerignore':
        '# comment\n\n*.md\n!README.md\n**/node_modules\nsrc/*/deep\n!src/a/deep/kept\n/rooted\n  spaced  \ntemp?\n.git\nDockerfile\nbusybox\n',
      'README.md': '',
      'other.md': '',
      'sub/other.md': '',
      'node_modules/x': '',
      'src/node_modules/y': '',
      'src/a/deep/gone': '',
      'src/a/deep/kept': '',
      'src/b/file': '',
      'rooted/x': '',
      'sub/rooted/x': '',
      spaced: '',
      temp1: '',
      temp10: '',
      '.git/config': '',
    },
  },
  {
    name: 'names of all kinds',
    buildah: true,
    dockerfile: `FROM busybox
COPY names /names
RUN cd /names && touch "$(printf 'line\\nbreak')" 'quote"' 'back\\slash' && ln -s "$(printf '%0150d' 7)" long-target
`,
    files: {
      'names/\u00fc\u4e2d\ud83d\ude00': 'unicode',
      'names/ space ': '',
      'names/.hidden': '',
      'names/-dash': '',
      'names/wh.not': '',
      [`names/${long}/${long}/${long}`]: 'deep',
    },
  },
  {
    name: 'another escape character, continuation and comments',
    buildah: true,
    dockerfile: `FROM busybox
RUN echo one \`
  # not here

  two >/file
# a comment
  RUN echo indented \`
>>/file
ENV A=back\\slash
`,
  },
  {
    name: 'mounts of a step leave no trace',
    buildah: true,
    dockerfile: `FROM busybox AS other
RUN echo o >/o
FROM busybox
RUN --mount=type=cache,target=/new/cache --mount=type=tmpfs,target=/new/tmp --mount=type=bind,target=/ctx --mount=type=bind,from=other,source=/o,target=/new/o cat /ctx/file /new/o >/out && touch /new/cache/x /new/tmp/y
RUN mkdir -p /etc && echo x >/etc/mine
`,
    files: { file: 'f\n' },
    mountpoints: ['/ctx', '/new', '/new/cache', '/new/tmp'],
  },
  {
    name: 'large and sparse files',
    buildah: true,
    dockerfile: `FROM busybox
RUN dd if=/dev/zero of=/sparse bs=1 count=0 seek=20000000 && printf end >>/sparse && dd if=/dev/zero of=/zeros bs=1M count=3 && seq 1 300000 >/numbers
FROM scratch
COPY --from=1 /sparse /zeros /numbers /
`,
  },
  {
    name: 'file capabilities',
    buildah: true,
    dockerfile: `FROM busybox
ADD caps.tar /
COPY --from=busybox /bin/busybox /plain
RUN mv /program /moved
FROM scratch
COPY --from=1 /moved /copied
`,
    files: { program: { content: 'x', mode: 0o755 } },
    prepare(context) {
      execFileSync('setcap', ['cap_net_raw+ep', join(context, 'program')]);
      const file = join(context, 'caps.tar');
      execFileSync('tar', ['-C', context, '--xattrs', '--xattrs-include=security.*', '-cf', file, 'program']);
    },
  },
  {
    name: 'an image of the store as base and as source, with triggers',
    parent: `FROM busybox
${users}ENV FROM_PARENT=1
WORKDIR /parent
USER app
LABEL parent=yes
CMD ["parent"]
ONBUILD ARG WHO=nobody
ONBUILD RUN echo $WHO >/tmp/said
ONBUILD COPY file /copied
RUN true
USER 0
RUN mkdir -m 1777 /tmp
USER app
`,
    dockerfile:
      'FROM parent\nENV CHILD=$FROM_PARENT\nCOPY --from=parent /bin/busybox /again\nLABEL child=yes\n',
    files: { file: 'f' },
    args: ['--build-arg', 'WHO=somebody'],
  },
  {
    name: 'a stage in the middle as the target',
    buildah: true,
    dockerfile: `FROM busybox AS one
RUN echo 1 >/1
FROM one AS two
RUN echo 2 >/2
LABEL stage=two
FROM two AS three
RUN false
`,
    args: ['--target', 'two'],
  },
  {
    name: 'users and their homes',
    dockerfile: `FROM busybox
${users}USER app
RUN echo "$HOME $(id -u) $(id -g)" >/tmp 2>/dev/null || true; pwd
USER 1000
COPY file /file
USER app:team
COPY --chown=app dir /dir
USER root
RUN id -u >/root-id; id -g >>/root-id
USER 1234:5
`,
    files: { file: 'f', 'dir/x': 'x' },
  },
];

/** The whole Dockerfile of a case: its own text after the stage `busybox`, after what must come first. */
export function dockerfileOf(dockerfile: string): string {
  const [first = ''] = /^ARG .*\n/.exec(dockerfile) ?? [];
  const directive = dockerfile.includes('`\n') ? '# escape=`\n' : '';
  return `${directive}${first}${busyboxStage}${dockerfile.slice(first.length)}`;
}
