import { buildah, type Topic } from '../case.ts';

export const stages: Topic = {
  name: 'stages',
  cases: [
    {
      name: 'a stage in the middle as the target',
      dockerfile: `FROM busybox AS one
RUN echo 1 >/1
FROM one AS two
RUN echo 2 >/2
LABEL stage=two
FROM two AS three
RUN false
`,
      flags: ['--target', 'two'],
    },
    {
      name: 'a target by its number',
      without: {
        docker: 'BuildKit knows a target by its name alone',
        buildkit: 'BuildKit knows a target by its name alone',
      },
      dockerfile: 'FROM busybox\nRUN echo 0 >/0\nFROM busybox\nRUN false\n',
      flags: ['--target', '0'],
    },
    {
      name: 'a target in other letters than its name',
      dockerfile: 'FROM busybox AS Make-It\nRUN echo 1 >/1\nFROM busybox\nRUN false\n',
      flags: ['--target', 'MAKE-it'],
      without: { buildah: buildah.letters },
    },
    {
      name: 'stages by number, name and other letters',
      dockerfile: `FROM busybox AS First
RUN echo 1 >/1
FROM busybox
RUN echo 2 >/2
FROM scratch
COPY --from=FIRST /1 /
COPY --from=1 /2 /
COPY --from=0 /1 /again
`,
      without: { buildah: buildah.letters },
    },
    {
      name: 'stages that nothing uses do not run',
      dockerfile:
        'FROM busybox AS broken\nRUN false\nFROM not/there:never AS missing\nFROM busybox\nRUN echo fine >/fine\n',
    },
    {
      name: 'one base for two, which come together',
      dockerfile: `FROM busybox AS base
RUN echo base >/base
FROM base AS left
RUN echo left >/left
FROM base AS right
RUN echo right >/right
FROM base
COPY --from=left /left /
COPY --from=right /right /
`,
    },
    {
      name: 'a stage on a stage on a stage',
      dockerfile: `FROM busybox AS a
ENV CHAIN=a
FROM a AS b
ENV CHAIN=$CHAIN-b
FROM b AS c
ENV CHAIN=$CHAIN-c
RUN echo $CHAIN >/chain
`,
    },
    {
      name: 'two stages of one name: the later one is meant by what follows',
      dockerfile: `FROM busybox AS same
RUN echo 1 >/file
FROM busybox AS same
RUN echo 2 >/file
FROM scratch
COPY --from=same /file /
`,
    },
    {
      name: 'a stage with the name of an image',
      dockerfile: 'FROM busybox AS busybox\nRUN echo mine >/mine\nFROM busybox\nRUN cat /mine >/seen\n',
      without: { buildkit: 'it gets the image as a context of that name, which wins' },
    },
    {
      name: 'an image as a source of files',
      parents: { 'with-files': 'FROM scratch\nCOPY Dockerfile /files/one\n' },
      dockerfile:
        'FROM scratch\nCOPY --from=with-files /files /\nCOPY --from=busybox /bin/busybox /program\n',
    },
    {
      name: 'copies from a scratch stage, and into one',
      dockerfile:
        'FROM scratch AS files\nCOPY a /a\nFROM scratch\nCOPY --from=files / /\nCOPY --from=files /a /b\n',
      files: { a: 'a' },
    },
    {
      name: 'a pattern in another stage',
      dockerfile: `FROM busybox AS make
RUN mkdir -p /o/a /o/b && touch /o/a/1.so /o/a/2.so /o/b/3.so /o/b/x.h
FROM scratch
COPY --from=make /o/*/*.so /libs/
COPY --from=make /o/? /dirs/
COPY --from=make /o/b/[0-9]* /one/
`,
    },
    {
      name: 'files of a stage by a relative path',
      dockerfile:
        'FROM busybox AS make\nWORKDIR /work\nRUN echo 1 >file && echo 2 >/file\nFROM scratch\nCOPY --from=make file /relative\nCOPY --from=make work/file /work\n',
    },
    {
      name: 'a stage that is only configuration',
      dockerfile: 'FROM scratch\nLABEL only=config\nENV A=1\nCMD ["x"]\n',
      without: { docker: 'Docker cannot save an image without layers' },
    },
    {
      name: 'nothing but a base image',
      dockerfile: 'FROM busybox\n',
    },
    {
      name: 'a copy from a stage by a variable',
      dockerfile:
        'FROM busybox AS make\nRUN echo 1 >/1\nFROM scratch\nARG FROM=make\nCOPY --from=$FROM /1 /\n',
      refused: /variable|--from/,
    },
    {
      name: 'a target that does not exist',
      dockerfile: 'FROM busybox AS build\n',
      flags: ['--target', 'biuld'],
      refused: /biuld/,
    },
    {
      name: 'a stage that comes later',
      dockerfile:
        'FROM busybox\nCOPY --from=later /x /x\nFROM scratch AS later\nCOPY Dockerfile /x\nFROM busybox\nCOPY --from=0 /x /x\n',
      refused: /later/,
    },
    {
      name: 'a stage that copies from itself',
      dockerfile: 'FROM busybox AS self\nCOPY --from=self /bin/sh /sh\n',
      refused: /self/,
    },
    {
      name: 'a number of no stage',
      dockerfile: 'FROM busybox\nCOPY --from=7 /bin/sh /sh\n',
      refused: /7/,
    },
    {
      name: 'a file that the other stage does not have',
      dockerfile: 'FROM scratch AS empty\nFROM busybox\nCOPY --from=empty /not-there /x\n',
      refused: /not-there/,
    },
  ],
};
