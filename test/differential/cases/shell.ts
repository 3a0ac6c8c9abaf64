import { buildah, type Topic } from '../case.ts';

export const shell: Topic = {
  name: 'SHELL',
  cases: [
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
      without: { buildah: buildah.shells },
    },
    {
      name: 'another shell for what follows',
      dockerfile: `FROM busybox
RUN echo "$0" >/before
SHELL ["/bin/sh", "-e", "-c"]
RUN echo "$0 $-" >/after
CMD run it
`,
      without: { buildah: buildah.shells },
    },
    {
      name: 'a stage takes over the shell of its base, and an image that of its parent',
      parents: { 'with-shell': 'FROM busybox\nSHELL ["/bin/busybox", "sh", "-c"]\n' },
      dockerfile: 'FROM with-shell AS one\nRUN echo 1 >/one\nFROM one\nRUN echo 2 >/two\nENTRYPOINT serve\n',
      without: { buildah: buildah.shells },
    },
    {
      name: 'a shell that is a program of another kind',
      dockerfile: 'FROM busybox\nSHELL ["/bin/awk"]\nRUN BEGIN { print "by awk" >"/file" }\n',
    },
    {
      name: 'a health check in the words of the shell',
      dockerfile: 'FROM busybox\nSHELL ["/bin/busybox", "sh", "-c"]\nHEALTHCHECK CMD wget -q localhost\n',
    },
  ],
};
