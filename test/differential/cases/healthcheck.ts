import { buildah, docker, type Topic } from '../case.ts';

export const healthcheck: Topic = {
  name: 'HEALTHCHECK',
  cases: [
    {
      name: 'with all its times',
      dockerfile:
        'FROM busybox\nHEALTHCHECK --interval=1m30s --timeout=500ms --start-period=2h --retries=5 CMD ["/check", "a b"]\n',
    },
    { name: 'as a line', dockerfile: 'FROM busybox\nHEALTHCHECK CMD test -e /x || exit 1\n' },
    { name: 'none', dockerfile: 'FROM busybox\nHEALTHCHECK CMD x\nHEALTHCHECK NONE\n' },
    {
      name: 'in small letters',
      dockerfile: 'FROM busybox\nhealthcheck --retries=2 cmd x\nHEALTHCHECK none\n',
    },
    {
      name: 'with a time between checks at the start',
      dockerfile: 'FROM busybox\nHEALTHCHECK --start-interval=3s CMD x\n',
      without: { docker: docker.newer, buildah: buildah.anyFlag },
    },
    {
      name: 'of a kind that does not exist',
      dockerfile: 'FROM busybox\nHEALTHCHECK RUN x\n',
      refused: /HEALTHCHECK/,
    },
    { name: 'without a command', dockerfile: 'FROM busybox\nHEALTHCHECK CMD\n', refused: /HEALTHCHECK/ },
    { name: 'of nothing', dockerfile: 'FROM busybox\nHEALTHCHECK\n', refused: /HEALTHCHECK/ },
    {
      name: 'none, with words after it',
      dockerfile: 'FROM busybox\nHEALTHCHECK NONE x\n',
      refused: /NONE/,
    },
    {
      name: 'with a time that is none',
      dockerfile: 'FROM busybox\nHEALTHCHECK --interval=soon CMD x\n',
      refused: /soon/,
    },
    {
      name: 'with less than a thousandth of a second',
      dockerfile: 'FROM busybox\nHEALTHCHECK --interval=1us CMD x\n',
      refused: /1us|interval/,
      without: { buildah: 'Buildah takes it' },
    },
    {
      name: 'with a flag that does not exist',
      dockerfile: 'FROM busybox\nHEALTHCHECK --often=3 CMD x\n',
      refused: /often/,
    },
  ],
};
