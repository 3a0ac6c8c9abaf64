import { users as accounts, docker, type Topic } from '../case.ts';

export const users: Topic = {
  name: 'USER',
  cases: [
    {
      name: 'users and their homes',
      dockerfile: `FROM busybox
${accounts}USER app
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
    {
      name: 'what a user may write is theirs',
      dockerfile: `FROM busybox
${accounts}RUN mkdir -m 777 /open
USER app
RUN id -u >/open/app && id -g >>/open/app
USER app:team
RUN id -u >/open/app-team && id -g >>/open/app-team
USER 7
RUN id -u >/open/seven && id -g >>/open/seven
USER 8:9
RUN id -u >/open/eight && id -g >>/open/eight
USER :team
RUN id -u >/open/group && id -g >>/open/group
`,
    },
    {
      name: 'further groups of a user',
      dockerfile: `FROM busybox
${accounts}RUN echo more:x:3003:app,other >>/etc/group && mkdir -m 777 /open
USER app
RUN id -G >/open/groups
USER app:team
RUN id -G >/open/given
`,
    },
    {
      name: 'homes: of the account, of none, and as said',
      dockerfile: `FROM busybox
${accounts}RUN mkdir -m 777 /open
USER app
RUN echo $HOME >/open/app
USER 1000
RUN echo $HOME >/open/number
USER 4321
RUN echo $HOME >/open/nobody
ENV HOME=/said
RUN echo $HOME >/open/said
`,
    },
    {
      name: 'a user by a variable',
      dockerfile: `FROM busybox
${accounts}ARG WHO=app
ENV GROUP=team
RUN mkdir -m 777 /open
USER $WHO:\${GROUP}
RUN id -u >/open/id && id -g >>/open/id
`,
    },
    {
      name: 'copies belong to root, whoever the user is',
      dockerfile: `FROM busybox
${accounts}USER app
COPY file /a
ADD file /b
COPY --chown=app file /c
COPY file /made/on/the/way
`,
      files: { file: 'f' },
    },
    {
      name: 'a user that an image or stage before has',
      parents: { 'with-user': `FROM busybox\n${accounts}RUN mkdir -m 777 /open\nUSER app\n` },
      dockerfile: 'FROM with-user AS one\nRUN id -u >/open/one\nFROM one\nRUN id -u >/open/two\nUSER 0\n',
    },
    {
      name: 'a user that nobody knows',
      dockerfile: `FROM busybox\n${accounts}USER stranger\nRUN id\n`,
      refused: /stranger/,
    },
    {
      name: 'an owner that nobody knows is root',
      dockerfile: `FROM busybox\n${accounts}COPY --chown=stranger Dockerfile /\n`,
      without: { buildah: 'Buildah refuses it' },
    },
    {
      name: 'an owner in an image without accounts is root',
      dockerfile: 'FROM busybox\nCOPY --chown=root:root Dockerfile /a\nCOPY --chown=stranger Dockerfile /b\n',
      without: { docker: docker.newer, buildah: 'Buildah refuses it' },
    },
  ],
};
