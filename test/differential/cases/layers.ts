import { buildah, type Topic } from '../case.ts';

export const layers: Topic = {
  name: 'layers',
  cases: [
    {
      name: 'removals and replacements',
      dockerfile: `FROM busybox
RUN mkdir -p /t/dir/sub /t/gone /t/todir.d && touch /t/dir/a /t/dir/sub/b /t/gone/c /t/tolink /t/todir && ln -s dir /t/link
RUN rm -r /t/gone /t/dir/a && rm /t/link && mkdir /t/link && touch /t/link/new && rm /t/todir && mkdir /t/todir && rm -r /t/todir.d && touch /t/todir.d && rm /t/tolink && ln -s dir /t/tolink
RUN rm -r /t/dir && mkdir -m 750 /t/dir && touch /t/dir/again
RUN rm -rf /t/todir.d /t/nothing; mkdir /t/nothing; rmdir /t/nothing
`,
    },
    {
      name: 'a directory of the base is removed and made anew',
      dockerfile: 'FROM busybox\nRUN rm -r /bin/awk /bin/vi && mkdir /bin/vi && echo new >/bin/vi/file\n',
    },
    {
      name: 'renamed directories',
      dockerfile: `FROM busybox
RUN mkdir -p /a/sub && echo 1 >/a/one && echo 2 >/a/sub/two
RUN mv /a /b
RUN mv /b/sub /sub && mv /b/one /sub/
RUN mv /b /a && touch /a/back
`,
    },
    {
      name: 'removals, seen by a copy of the next stage',
      dockerfile: `FROM busybox AS make
RUN mkdir -p /t/x /t/y && touch /t/x/1 /t/y/2 /t/3
RUN rm -r /t/x && rm /t/3
FROM scratch
COPY --from=make /t /t
COPY --from=make /t/y/* /y/
`,
    },
    {
      name: 'a copy over what was removed',
      dockerfile: 'FROM busybox\nCOPY tree /t\nRUN rm -r /t/sub\nCOPY tree/sub/x /t/sub/\n',
      files: { 'tree/sub/x': 'x', 'tree/sub/y': 'y', 'tree/z': 'z' },
    },
    {
      name: 'a step that changes nothing',
      dockerfile: 'FROM busybox\nRUN true\nRUN ls / >/dev/null\nENV A=1\nRUN test "$A" = 1\n',
    },
    {
      name: 'a copy of nothing new',
      dockerfile: 'FROM busybox\nCOPY file /file\nCOPY file /file\nCOPY file /file\n',
      files: { file: 'f' },
    },
    {
      name: 'names that look like marks of removals',
      dockerfile: "FROM busybox\nRUN mkdir /t && cd /t && touch wh.x .wh 'a.wh.b' .w && rm .w\n",
    },
    {
      name: 'a volume keeps what later steps write',
      dockerfile:
        'FROM busybox\nRUN mkdir /v && echo 1 >/v/before\nVOLUME /v\nRUN echo 2 >/v/after\nCOPY file /v/\n',
      files: { file: 'f' },
      without: { buildah: buildah.volumes },
    },
    {
      name: 'a file becomes a directory and back',
      dockerfile: `FROM busybox
RUN echo f >/x && mkdir /y && touch /y/in
RUN rm /x && mkdir /x && touch /x/in && rm -r /y && echo f >/y
RUN rm -r /x && echo again >/x && rm /y && ln -s x /y
`,
    },
  ],
};
