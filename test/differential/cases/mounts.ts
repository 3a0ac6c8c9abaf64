import { buildah, docker, type Topic } from '../case.ts';

export const mounts: Topic = {
  name: 'RUN --mount',
  cases: [
    {
      name: 'mounts of a step leave no trace',
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
      name: 'a bind mount of the context, of a directory and of a file',
      dockerfile: `FROM busybox
RUN --mount=target=/all --mount=source=dir,target=/dir --mount=source=file,target=/one cat /all/file /dir/x /one >/out
`,
      files: { file: 'f\n', 'dir/x': 'x\n' },
      mountpoints: ['/all', '/dir', '/one'],
    },
    {
      name: 'targets are below the working directory',
      dockerfile: `FROM busybox
WORKDIR /work
RUN --mount=target=here --mount=type=cache,target=./cache cat here/file >out && touch cache/x && ls cache >>out
`,
      files: { file: 'f\n' },
      mountpoints: ['/work/here', '/work/cache'],
      without: { buildah: 'Buildah 1.28 wants whole paths' },
    },
    {
      name: 'a bind mount hides what the image has there',
      dockerfile: `FROM busybox
RUN mkdir /there && echo image >/there/file
RUN --mount=source=dir,target=/there ls /there >/seen
RUN cat /there/file >/after
`,
      files: { 'dir/x': 'x' },
      without: { buildah: buildah.hides },
    },
    {
      name: 'what is written to a bind mount is for that step only',
      dockerfile: `FROM busybox AS other
RUN mkdir /o && echo 1 >/o/a
FROM busybox
RUN --mount=type=bind,from=other,source=/o,target=/o,rw echo 2 >/o/a && touch /o/b && ls /o >/one && cat /o/a >>/one
RUN --mount=type=bind,from=other,source=/o,target=/o ls /o >/two && cat /o/a >>/two
`,
      mountpoints: ['/o'],
      without: { buildah: 'Buildah writes through to the stage' },
    },
    {
      name: 'a bind mount is read-only unless it says else',
      dockerfile: `FROM busybox
RUN --mount=target=/a touch /a/x 2>/dev/null || echo read-only >/one
RUN --mount=target=/a,readonly touch /a/x 2>/dev/null || echo read-only >/two
RUN --mount=target=/a,rw=true touch /a/x && echo written >/three
`,
      mountpoints: ['/a'],
    },
    {
      name: 'a mount from an image',
      dockerfile:
        'FROM scratch AS nothing\nFROM busybox\nRUN --mount=from=busybox,source=/bin,target=/b ls /b >/list\n',
      mountpoints: ['/b'],
    },
    {
      name: 'a stage that only a mount wants is built',
      dockerfile: `FROM busybox AS tools
RUN mkdir /t && echo tool >/t/x
FROM busybox AS unused
RUN false
FROM busybox
RUN --mount=from=tools,source=/t/x,target=/x cat /x >/out
`,
      mountpoints: ['/x'],
    },
    {
      name: 'a cache lasts from step to step',
      dockerfile: `FROM busybox
RUN --mount=type=cache,target=/c echo 1 >>/c/log
RUN --mount=type=cache,target=/c echo 2 >>/c/log && cat /c/log >/seen
RUN --mount=type=cache,target=/d,id=/c cat /d/log >/same
RUN --mount=type=cache,target=/c,id=fresh-one ls /c >/fresh
`,
      mountpoints: ['/c', '/d'],
      without: {
        buildah: 'its caches are those of the machine',
        buildkit: 'its caches last from run to run',
      },
    },
    {
      name: 'a cache with a mode and owners',
      dockerfile:
        "FROM busybox\nRUN --mount=type=cache,id=with-mode,target=/c,mode=0770,uid=5,gid=6 stat -c '%a %u:%g' /c >/out\n",
      mountpoints: ['/c'],
      without: { docker: docker.newer, buildah: 'Buildah gives the mode alone' },
    },
    {
      name: 'a cache that begins with the files of a stage',
      dockerfile: `FROM busybox AS seed
RUN mkdir -p /s/sub && echo seed >/s/sub/x
FROM busybox
RUN --mount=type=cache,id=seeded,target=/c,from=seed,source=/s cat /c/sub/x >/out && touch /c/more && ls /c >>/out
`,
      mountpoints: ['/c'],
    },
    {
      name: 'memory for a step',
      dockerfile:
        'FROM busybox\nRUN mkdir /t && touch /t/image\nRUN --mount=type=tmpfs,target=/t touch /t/x && ls /t >/list && stat -f -c %T /t >>/list\nRUN ls /t >/after\n',
      without: { buildah: buildah.hides },
    },
    {
      name: 'a secret is a file of a step',
      dockerfile: `FROM busybox
RUN --mount=type=secret,id=token wc -c </run/secrets/token >/size && stat -c '%a %u:%g' /run/secrets/token >>/size
RUN --mount=type=secret,id=token,target=/root/.token,mode=0440,uid=3,gid=4 stat -c '%a %u:%g' /root/.token >/facts
RUN --mount=type=secret,id=not-given ls /run/secrets/not-given 2>/dev/null || echo absent >/absent
`,
      files: { token: 'correct horse' },
      flags: ['--secret', 'id=token,src=@/token'],
      mountpoints: ['/run', '/run/secrets', '/root'],
    },
    {
      name: 'a required secret that nobody gave',
      dockerfile: 'FROM busybox\nRUN --mount=type=secret,id=absent,required true\n',
      refused: /absent/,
    },
    {
      name: 'kinds of mounts that do not exist',
      dockerfile: 'FROM busybox\nRUN --mount=type=banana,target=/x true\n',
      refused: /banana/,
    },
    {
      name: 'a mount from a stage that does not exist',
      dockerfile: 'FROM busybox\nRUN --mount=from=not/there:never,target=/x true\n',
      refused: /not\/there/,
    },
  ],
};
