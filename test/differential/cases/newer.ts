import { buildah, docker, type Topic } from '../case.ts';

/** What neither Debian's Docker nor its Buildah knows: compared where a newer BuildKit runs, and built in any case. */
const without = { docker: docker.newer, buildah: buildah.newer };

export const newer: Topic = {
  name: 'what came to the language after 2021',
  cases: [
    {
      name: 'a script as a heredoc, through the shell and as a program of its own',
      dockerfile: `FROM busybox
ENV WHO=me
RUN <<END
echo "by $WHO" >/shell
echo second >>/shell
END
RUN <<"END"
#!/bin/awk -f
BEGIN { print "by awk" >"/awk" }
END
RUN cat <<A >/one && cat <<B >/two
first $WHO
A
second \\$WHO
B
`,
      without,
    },
    {
      name: 'files as heredocs: expanded, quoted, with tabs taken away',
      dockerfile: `FROM scratch
ARG NAME=value
COPY <<END /expanded
<\${NAME}> \\$NAME "$NAME" 'single $NAME'
END
COPY <<"END" /quoted
\${NAME} \\$NAME
END
COPY <<-END /tabs
\tone
\t\ttwo
\tEND
COPY --chown=5:6 --chmod=600 <<one <<two /dir/
1
one
2
two
`,
      without,
    },
    {
      name: 'whole paths of what is copied, from a pivot on',
      dockerfile: `FROM scratch
COPY --parents a/b/*.txt /all/
COPY --parents ./a/./b/one.txt /pivot/
COPY --parents **/two.txt /deep/
`,
      files: { 'a/b/one.txt': '1', 'a/b/two.txt': '2', 'a/c/d/two.txt': '2' },
      without,
    },
    {
      name: 'all but some files',
      dockerfile: 'FROM scratch\nCOPY --exclude=*.md --exclude=sub/x dir /to/\nCOPY --exclude=**/x . /all/\n',
      files: { 'dir/a.md': 'a', 'dir/b.txt': 'b', 'dir/sub/x': 'x', 'dir/sub/y': 'y' },
      without,
    },
    {
      name: 'layers of their own by --link',
      dockerfile: `FROM busybox AS base
RUN mkdir /real && ln -s real /way
FROM base
COPY --link file /new/file
COPY --link --chown=5:6 --chmod=640 dir /real/
ADD --link file /way/file
`,
      files: { file: 'f', 'dir/x': 'x' },
      without,
    },
    {
      name: 'modes in letters',
      dockerfile:
        'FROM scratch\nARG MODE=go=r\nCOPY --chmod=u=rwX,go=rX tree /tree\nCOPY --chmod=$MODE tree/x /x\n',
      files: { 'tree/x': { content: 'x', mode: 0o600 }, 'tree/sub/y': { content: 'y', mode: 0o711 } },
      without,
    },
    {
      name: 'a secret in the environment of a step',
      dockerfile:
        'FROM busybox\nRUN --mount=type=secret,id=token,env=TOKEN echo "${#TOKEN}" >/size\nRUN echo "[$TOKEN]" >/gone\n',
      files: { token: 'correct horse' },
      flags: ['--secret', 'id=token,src=@/token'],
      without,
    },
    {
      name: 'variables in the flags of mounts',
      dockerfile: `FROM busybox AS other
RUN echo o >/o
FROM busybox
ARG WHERE=/there
RUN --mount=from=other,source=/o,target=$WHERE/o cat $WHERE/o >/out
`,
      mountpoints: ['/there', '/there/o'],
      without,
    },
    {
      name: 'modifiers of every kind',
      dockerfile: `FROM busybox
ENV V=a.b.c P=/usr/local/bin/tool
ENV A=\${V%.*}-\${V%%.*} B=\${P##*/} C=\${P#/*/} D=\${V//./_} E=\${V/./_} F="\${V/#a/x}" G=\${NONE:-\${V#*.}}
`,
      without,
    },
    {
      name: 'an error that a variable asks for',
      dockerfile: 'FROM busybox\nARG NEEDED\nRUN true\nENV A=${NEEDED:?say --build-arg NEEDED=x}\n',
      refused: /say --build-arg NEEDED=x/,
      without,
    },
    {
      name: 'a heredoc that nothing ends',
      dockerfile: 'FROM busybox\nRUN <<END\necho x\n',
      refused: /END/,
      without,
    },
    {
      name: 'ports and checks, told in the history',
      dockerfile: 'FROM busybox\nEXPOSE 80 53/udp\nHEALTHCHECK --start-interval=3s CMD x\nARG A=1\nARG B\n',
      without,
    },
  ],
};
