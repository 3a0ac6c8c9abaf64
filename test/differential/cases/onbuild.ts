import { type Topic, users } from '../case.ts';

export const onbuild: Topic = {
  name: 'ONBUILD',
  cases: [
    {
      name: 'an image of the store as base and as source, with triggers',
      parents: {
        'with-triggers': `FROM busybox
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
      },
      dockerfile:
        'FROM with-triggers\nENV CHILD=$FROM_PARENT\nCOPY --from=with-triggers /bin/busybox /again\nLABEL child=yes\n',
      files: { file: 'f' },
      flags: ['--build-arg', 'WHO=somebody'],
    },
    {
      name: 'triggers of every kind, written down',
      dockerfile: `FROM busybox
ONBUILD RUN echo  two   spaces
ONBUILD COPY . /later
ONBUILD env A=1
onbuild LABEL "a b"=c
ONBUILD CMD ["x", "y"]
ONBUILD HEALTHCHECK NONE
`,
    },
    {
      name: 'triggers run first, in their order, and once',
      parents: {
        'with-order': `FROM busybox
ONBUILD RUN echo first >>/order
ONBUILD RUN echo second >>/order
ONBUILD ENV SET=by-trigger
`,
      },
      dockerfile: 'FROM with-order AS one\nRUN echo "own $SET" >>/order\nFROM one\nRUN echo again >>/order\n',
    },
    {
      name: 'triggers may change what the configuration says',
      parents: {
        'with-settings': `FROM busybox
ONBUILD WORKDIR /by/trigger
ONBUILD USER 5
ONBUILD EXPOSE 99
ONBUILD LABEL by=trigger
ONBUILD ENTRYPOINT ["/entry"]
ONBUILD VOLUME /v
`,
      },
      dockerfile: 'FROM with-settings\nCOPY file .\n',
      files: { file: 'f' },
    },
    {
      name: 'triggers of a stage, for the stages that stand on it',
      dockerfile: `FROM busybox AS base
ONBUILD RUN echo triggered >/triggered
RUN echo base >/base
FROM base AS child
RUN echo child >/child
FROM child
`,
    },
    {
      name: 'a trigger that copies from an image',
      parents: { 'copies-later': 'FROM busybox\nONBUILD COPY --from=busybox /bin/busybox /copied\n' },
      dockerfile: 'FROM copies-later\nRUN ls -l /copied >/dev/null\n',
      without: { docker: 'it copies from the image itself' },
    },
    {
      name: 'a trigger of a trigger',
      dockerfile: 'FROM busybox\nONBUILD ONBUILD RUN true\n',
      refused: /ONBUILD/,
    },
    { name: 'a trigger of FROM', dockerfile: 'FROM busybox\nONBUILD FROM busybox\n', refused: /FROM/ },
    {
      name: 'a trigger of MAINTAINER',
      dockerfile: 'FROM busybox\nONBUILD MAINTAINER me\n',
      refused: /MAINTAINER/,
    },
    { name: 'a trigger of nothing', dockerfile: 'FROM busybox\nONBUILD\n', refused: /ONBUILD/ },
  ],
};
