import type { Case, Topic } from '../case.ts';

const refuse = (name: string, dockerfile: string, refused: RegExp, more: Partial<Case> = {}): Case => ({
  name,
  dockerfile,
  refused,
  ...more,
});

/** All of them are told with the file and the line. */
export const refusals: Topic = {
  name: 'what nobody builds',
  cases: [
    refuse('an empty file', '', /empty|no build stage|FROM/),
    refuse('only comments', '# nothing\n\n# at all\n', /empty|no build stage|FROM/),
    refuse('no FROM at the start', 'RUN true\nFROM busybox\n', /Dockerfile:1/, {
      without: { buildah: 'Buildah builds it' },
    }),
    refuse('only arguments', 'ARG A=1\n', /no build stage|FROM/),
    refuse('an unknown instruction', 'FROM busybox\nRNU true\n', /Dockerfile:2[\s\S]*RNU/),
    refuse('FROM without an image', 'FROM\n', /Dockerfile:1[\s\S]*FROM/),
    refuse('FROM with too many words', 'FROM busybox one two\n', /Dockerfile:1/),
    refuse('FROM an empty variable', 'ARG NONE\nFROM $NONE\n', /Dockerfile:2/),
    refuse('FROM a name that is none', 'FROM Busy BOX::x\n', /Dockerfile:1/),
    refuse('FROM an image with letters that no image has', 'FROM BusyBox\n', /BusyBox/),
    refuse('a stage name that begins with a number', 'FROM busybox AS 1st\n', /1st/, {
      without: { buildah: 'Buildah takes any word' },
    }),
    refuse('an unknown platform', 'FROM --platform=not/a/real/one busybox\n', /platform/),
    refuse('an unknown flag of FROM', 'FROM --banana=1 busybox\n', /banana/),
    refuse('COPY with one word', 'FROM busybox\nCOPY file\n', /Dockerfile:2[\s\S]*COPY/),
    refuse('COPY of what is not there', 'FROM busybox\nCOPY not-there /x\n', /not-there/),
    refuse('an unknown flag of COPY', 'FROM busybox\nCOPY --banana=1 Dockerfile /x\n', /banana/),
    refuse('an unknown flag of ADD', 'FROM busybox\nADD --banana=1 Dockerfile /x\n', /banana/),
    refuse('an unknown flag of RUN', 'FROM busybox\nRUN --banana=1 true\n', /banana/),
    refuse('a mode that is none', 'FROM busybox\nCOPY --chmod=banana Dockerfile /x\n', /banana/),
    refuse('RUN that fails', 'FROM busybox\nRUN exit 7\n', /Dockerfile:2[\s\S]*7/),
    refuse('a program that is not there', 'FROM busybox\nRUN ["/not/there"]\n', /not\/there/),
    refuse('a shell that is not there', 'FROM scratch\nRUN true\n', /\/bin\/sh/),
    refuse('ENV without a value', 'FROM busybox\nENV A\n', /Dockerfile:2[\s\S]*ENV/),
    refuse('ENV without a name', 'FROM busybox\nENV =x\n', /Dockerfile:2/, {
      without: { buildah: 'Buildah builds it' },
    }),
    refuse('LABEL without a value', 'FROM busybox\nLABEL\n', /Dockerfile:2[\s\S]*LABEL/),
    refuse('quotes that nothing closes', 'FROM busybox\nENV A="open\n', /Dockerfile:2/),
    refuse('ARG without a name', 'FROM busybox\nARG\n', /Dockerfile:2[\s\S]*ARG/),
    refuse('WORKDIR without a directory', 'FROM busybox\nWORKDIR\n', /Dockerfile:2[\s\S]*WORKDIR/),
    refuse('USER without a user', 'FROM busybox\nUSER\n', /Dockerfile:2[\s\S]*USER/),
    refuse('SHELL that is no JSON', 'FROM busybox\nSHELL /bin/sh -c\n', /Dockerfile:2[\s\S]*SHELL/),
    refuse('STOPSIGNAL with two words', 'FROM busybox\nSTOPSIGNAL SIGINT SIGTERM\n', /Dockerfile:2/),
    refuse('MAINTAINER without a name', 'FROM busybox\nMAINTAINER\n', /Dockerfile:2/),
    refuse('an escape that is none', '# escape=x\nFROM busybox\n', /escape/),
    refuse('a directive twice', '# escape=`\n# escape=\\\nFROM busybox\n', /escape/),
    refuse('an image that nobody has', 'FROM example.invalid/not/there:never\n', /not\/there/),
    refuse('a working directory that is a file', 'FROM busybox\nRUN touch /x\nWORKDIR /x\n', /\/x/, {
      without: { buildah: 'Buildah builds it' },
    }),
    refuse('a copy through a file', 'FROM busybox\nRUN touch /x\nCOPY Dockerfile /x/y\n', /\/x/),
    refuse('a directory in place of a file', 'FROM busybox\nRUN touch /x\nCOPY dir /x\n', /\/x|x/, {
      files: { 'dir/y': '' },
    }),
  ],
};
