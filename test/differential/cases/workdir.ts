import { type Topic, users } from '../case.ts';

export const workdir: Topic = {
  name: 'WORKDIR',
  cases: [
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
      name: 'relative ones, dots and slashes',
      dockerfile: `FROM busybox
WORKDIR a
WORKDIR ./b/../c/
WORKDIR ../d//e
RUN pwd >/at
WORKDIR ..
WORKDIR .
`,
    },
    {
      name: 'with spaces and quotes',
      dockerfile: `FROM busybox
WORKDIR /with space
RUN pwd >here
WORKDIR "quoted"
RUN pwd >here
`,
    },
    {
      name: 'by variables, also ones of the base',
      parents: { 'with-place': 'FROM busybox\nENV PLACE=/srv/app\nWORKDIR $PLACE\n' },
      dockerfile:
        'FROM with-place\nARG SUB=sub\nWORKDIR $SUB\nWORKDIR ${PLACE}/again/${NONE:-default}\nRUN pwd >at\n',
    },
    {
      name: 'through a link',
      dockerfile:
        'FROM busybox\nRUN mkdir -p /real && ln -s real /way\nWORKDIR /way/sub\nRUN pwd >at\nCOPY file .\n',
      files: { file: 'f' },
    },
    {
      name: 'the last one is in the configuration, made or not by a step',
      dockerfile: 'FROM scratch\nWORKDIR /only/config\n',
    },
    {
      name: 'of a base, in the next stage',
      dockerfile:
        'FROM busybox AS one\nWORKDIR /one\nFROM one\nRUN pwd >at\nWORKDIR two\nCOPY file .\nFROM busybox AS three\nCOPY --from=1 /one /one\nWORKDIR rel\n',
      files: { file: 'f' },
    },
    {
      name: 'one that is there keeps its mode and owner',
      dockerfile: 'FROM busybox\nRUN mkdir -m 700 /d && chown 5:6 /d\nWORKDIR /d\nRUN pwd >at\n',
    },
  ],
};
