import { buildah, type Topic, users } from '../case.ts';

export const permissions: Topic = {
  name: 'permissions',
  cases: [
    {
      name: 'owners by name and number',
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
      name: 'owners by variables',
      dockerfile: `FROM busybox
${users}ARG WHO=app
ENV GROUP=team
COPY --chown=$WHO:\${GROUP} file /a
COPY --chown=\${NOBODY:-3}:4 file /b
`,
      files: { file: 'f' },
    },
    {
      name: 'owners of directories on the way',
      dockerfile: `FROM busybox
RUN mkdir -m 700 /there
COPY --chown=5:6 file /there/x
COPY --chown=5:6 file /new/deep/x
COPY --chown=7:8 dir /there
`,
      files: { file: 'f', 'dir/sub/y': 'y' },
    },
    {
      name: 'only modes, owners and times change',
      dockerfile: `FROM busybox
COPY tree /tree
RUN chmod 700 /tree/a && chown 3:4 /tree/b && touch -d '2001-01-01 00:00:00' /tree/c && chmod 711 /tree
RUN chown -R 9:9 /tree/sub
RUN true
RUN cat /tree/a >/dev/null
`,
      files: {
        'tree/a': 'a',
        'tree/b': 'b',
        'tree/c': 'c',
        'tree/sub/d': 'd',
        'tree/sub/link': { link: 'd' },
      },
    },
    {
      name: 'special files and bits',
      dockerfile: `FROM busybox
RUN mkdir /s && cd /s && mkfifo fifo && mknod null c 1 3 && mknod disk b 7 0 && chmod 640 disk && cp /bin/busybox suid && chmod 4755 suid && mkdir tmp && chmod 1777 tmp && mkdir group && chown 0:5 group && chmod 2775 group && touch group/inherits
`,
      without: { buildah: buildah.devices },
    },
    {
      name: 'special bits stay over steps and copies',
      dockerfile: `FROM busybox AS make
RUN mkdir -p /t/sticky /t/group && echo x >/t/suid && chmod 4711 /t/suid && chmod 1777 /t/sticky && chmod 2755 /t/group
RUN touch /t/suid && chown 5:6 /t/sticky
FROM scratch
COPY --from=make /t /copied
COPY --from=make /t/suid /one
COPY --from=make --chown=9:9 /t /given
`,
    },
    {
      name: 'files without any permission',
      dockerfile: `FROM busybox AS make
RUN mkdir /t && echo x >/t/none && chmod 0 /t/none && mkdir /t/closed && echo y >/t/closed/in && chmod 0 /t/closed
FROM busybox
COPY --from=make /t /copied
RUN cat /copied/none /copied/closed/in >/read
`,
    },
    {
      name: 'large owner numbers',
      dockerfile: `FROM busybox
RUN echo x >/a && chown 65534:65533 /a && echo y >/b && chown 2000000:3000000 /b
COPY --chown=4000000:5000000 file /c
`,
      files: { file: 'f' },
    },
    {
      name: 'owners and times of copies between stages',
      dockerfile: `FROM busybox AS make
RUN mkdir /o && echo 1 >/o/a && chown 11:12 /o/a && touch -d '2002-03-04 05:06:07' /o/a && chown 13 /o
FROM scratch
COPY --from=make /o /kept
COPY --from=make /o/a /file
COPY --from=make --chown=0:0 /o/a /root
`,
    },
  ],
};
