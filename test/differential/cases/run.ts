import { buildah, docker, type Topic } from '../case.ts';

export const run: Topic = {
  name: 'RUN',
  cases: [
    {
      name: 'as a line of the shell, and as words without one',
      dockerfile: `FROM busybox
ENV WHO=me
RUN echo "$WHO" '$WHO' \\$WHO >/line && echo $(echo sub) >>/line
RUN ["/bin/sh", "-c", "echo \\"$WHO\\" >/words"]
RUN ["touch", "/$WHO", "/a b"]
`,
    },
    {
      name: 'lines go on after an escape, over comments and empty lines',
      dockerfile: `FROM busybox
RUN echo one \\
  # a comment
# another

  two \\
  three >/file
RUN echo "in \\
  quotes" >/quotes
`,
    },
    {
      name: 'words that are no JSON are a line',
      dockerfile: `FROM busybox
RUN [ -d /bin ] && echo yes >/one
RUN ['/bin/sh', '-c', 'true'] || echo no >/two
RUN [ "a" = "a" ] && echo same >/three
`,
    },
    {
      name: 'the environment is that of the Dockerfile and nothing else',
      dockerfile: `FROM busybox
ENV B=2 A="one two"
ARG C=3
RUN env | grep -v -e OTEL -e TRACEPARENT -e HOSTNAME -e SHLVL -e PWD | sort >/env
`,
    },
    {
      name: 'no command at all does nothing',
      dockerfile: 'FROM busybox\nRUN\n',
      without: { buildah: 'Buildah wants one' },
    },
    {
      name: 'each step begins in the working directory, with no input',
      dockerfile: 'FROM busybox\nWORKDIR /w\nRUN cd / && pwd >/one\nRUN pwd >/two && cat >/input\n',
    },
    {
      name: 'what a step leaves in temporary file systems is gone',
      dockerfile:
        'FROM busybox\nRUN touch /dev/x /dev/shm/y && echo kept >/kept\nRUN ls /dev/x /dev/shm/y 2>/dev/null >/found; true\n',
      mountpoints: ['/dev'],
    },
    {
      name: 'files of the machine for host names leave no trace',
      dockerfile:
        'FROM busybox\nRUN cat /etc/hosts /etc/resolv.conf >/dev/null\nRUN mkdir -p /etc && echo mine >/etc/mine\n',
    },
    {
      name: 'steps of several lines with shell control',
      dockerfile: `FROM busybox
RUN set -e; \\
    for name in a b c; do \\
      if [ "$name" != b ]; then echo "$name" >>/list; fi; \\
    done; \\
    case "$(cat /list)" in *c*) echo found >>/list ;; esac
`,
    },
    {
      name: 'without a network there is only the loopback',
      dockerfile:
        "FROM busybox\nRUN --network=none tail -n +3 /proc/net/dev | cut -d: -f1 | tr -d ' ' >/devices\n",
      without: { docker: docker.newer, buildah: buildah.mounts },
    },
    {
      name: 'a file that is written, removed and written again',
      dockerfile: 'FROM busybox\nRUN echo 1 >/f\nRUN rm /f\nRUN echo 2 >/f\nRUN rm /f && echo 3 >/f\n',
    },
    {
      name: 'background processes end with their step',
      dockerfile: 'FROM busybox\nRUN (sleep 100 & echo started >/started)\nRUN cat /started >/again\n',
    },
    {
      name: 'limits on names of hosts: localhost is there',
      dockerfile: "FROM busybox\nRUN grep -c '^127.0.0.1.*localhost' /etc/hosts >/count\n",
    },
    {
      name: 'the limits of a step: 022 as mask of modes',
      dockerfile: 'FROM busybox\nRUN umask >/mask; touch /file; mkdir /dir\n',
    },
  ],
};
