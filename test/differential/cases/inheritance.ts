import type { Topic } from '../case.ts';

export const inheritance: Topic = {
  name: 'what an image passes on',
  cases: [
    {
      name: 'all of a parent\u2019s configuration',
      parents: {
        'with-everything': `FROM busybox
ENV A=1
LABEL parent=yes
EXPOSE 80
VOLUME /data
USER 5:6
WORKDIR /parent
STOPSIGNAL SIGQUIT
ENTRYPOINT ["/entry"]
CMD ["word"]
`,
      },
      dockerfile: 'FROM with-everything\nENV B=$A\nLABEL child=yes\nEXPOSE 81\nVOLUME /more\nCOPY file .\n',
      files: { file: 'f' },
    },
    {
      name: 'a new entry point forgets the parent\u2019s command',
      parents: { 'with-command': 'FROM busybox\nCMD ["parent"]\n' },
      dockerfile: 'FROM with-command\nENTRYPOINT ["/mine"]\n',
    },
    {
      name: 'a command of one\u2019s own stays beside a new entry point',
      parents: { 'with-other-command': 'FROM busybox\nCMD ["parent"]\n' },
      dockerfile: 'FROM with-other-command\nCMD ["mine"]\nENTRYPOINT ["/mine"]\n',
    },
    {
      name: 'a new command keeps the parent\u2019s entry point',
      parents: { 'with-entry': 'FROM busybox\nENTRYPOINT ["/entry"]\nCMD ["parent"]\n' },
      dockerfile: 'FROM with-entry\nCMD ["mine"]\n',
    },
    {
      name: 'the same rules between the stages of one Dockerfile',
      dockerfile: `FROM busybox AS one
CMD ["one"]
FROM one AS two
ENTRYPOINT ["/two"]
FROM two AS three
CMD three
FROM three
ENTRYPOINT four
`,
    },
    {
      name: 'labels and variables of a parent are replaced one by one',
      parents: { 'with-labels': 'FROM busybox\nLABEL a=1 b=2\nENV A=1 B=2\nMAINTAINER first@example.org\n' },
      dockerfile: 'FROM with-labels\nLABEL b=new c=3\nENV B=new C=3\nMAINTAINER second@example.org\n',
    },
    {
      name: 'copying from an image takes its files and nothing else',
      parents: { 'with-config': 'FROM busybox\nENV SECRET=no\nLABEL x=y\nRUN echo f >/file\n' },
      dockerfile: 'FROM busybox\nCOPY --from=with-config /file /file\n',
    },
    {
      name: 'a health check is passed on, and taken away',
      parents: { 'with-health': 'FROM busybox\nHEALTHCHECK --interval=7s CMD test -e /x\n' },
      dockerfile: 'FROM with-health AS same\nRUN true\nFROM same\nHEALTHCHECK NONE\n',
    },
  ],
};
