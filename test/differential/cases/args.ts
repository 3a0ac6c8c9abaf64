import { docker, type Topic } from '../case.ts';

export const args: Topic = {
  name: 'ARG',
  cases: [
    {
      name: 'variables and arguments',
      dockerfile: `ARG GLOBAL=global
FROM busybox
ARG GLOBAL
ARG WITH=default
ARG GIVEN=default
ARG EMPTY
ENV A=1 B="two words" C=x\\ y D=$A
ENV legacy one two
ENV E=\${A:-no} F=\${NONE:-yes} G=\${A:+set} H="\${B}" I='$A' J=\\$A
LABEL one=$A "two words"="x $B" multi="a\\
b" given=$GIVEN
RUN echo "$GLOBAL $WITH $GIVEN [$EMPTY] $A $B $C $D $legacy $E $F $G $H $I $J" >/said
RUN echo "$TARGETPLATFORM|$HTTP_PROXY" >/platform
COPY $GIVEN /$WITH/
`,
      files: { given: 'g' },
      flags: ['--build-arg', 'GIVEN=given'],
    },
    {
      name: 'one before FROM is for FROM, and for those that ask for it',
      dockerfile: `ARG BASE=busybox
ARG SUFFIX=x
FROM $BASE AS one
RUN echo "[$BASE]" >/not-asked
FROM \${BASE}
ARG BASE
ARG SUFFIX=mine
RUN echo "[$BASE] [$SUFFIX]" >/asked
`,
    },
    {
      name: 'values given from outside reach every stage that declares them',
      dockerfile: `ARG NAME=global
FROM busybox AS one
ARG NAME
RUN echo "$NAME" >/one
FROM busybox
ARG NAME=local
COPY --from=one /one /one
RUN echo "$NAME" >/two
FROM busybox
COPY --from=1 /one /two /
RUN echo "[$NAME]" >/three
`,
      flags: ['--build-arg', 'NAME=given'],
    },
    {
      name: 'a default made of others, and of variables',
      dockerfile: `ARG A=1
ARG B=\${A}2
FROM busybox
ENV E=env
ARG B
ARG C=$B-$E
ARG D=\${C:-none}\${NONE:-default}
RUN echo "$B $C $D" >/said
`,
    },
    {
      name: 'an argument holds from its line on',
      dockerfile: 'FROM busybox\nRUN echo "[$A]" >/before\nARG A=1\nRUN echo "[$A]" >/after\n',
    },
    {
      name: 'ENV wins over ARG, before and after it',
      dockerfile: `FROM busybox
ENV A=env
ARG A=arg
RUN echo "$A" >/one
ARG B=arg
ENV B=env
RUN echo "$B" >/two
`,
      flags: ['--build-arg', 'A=given', '--build-arg', 'B=given'],
      without: { buildah: 'Buildah lets a given argument win' },
    },
    {
      name: 'an argument becomes a variable of the image by ENV',
      dockerfile:
        'FROM busybox\nARG VERSION=1.0\nENV VERSION=$VERSION OTHER=${VERSION}-x\nRUN echo "$VERSION $OTHER" >/v\n',
      flags: ['--build-arg', 'VERSION=2.0'],
    },
    {
      name: 'several arguments in one line',
      dockerfile: 'FROM busybox\nARG A=1 B="two words" C D=4\nRUN echo "$A|$B|[$C]|$D" >/said\n',
      flags: ['--build-arg', 'C=given'],
    },
    {
      name: 'an empty value is a value',
      dockerfile:
        'FROM busybox\nARG A=default\nARG B=\nARG C\nRUN echo "[$A] [$B] [$C] ${A-unset} ${B-unset} ${C-unset}" >/said\n',
      flags: ['--build-arg', 'A='],
    },
    {
      name: 'an argument without a value is not in the environment',
      dockerfile: 'FROM busybox\nARG A\nARG B=\nRUN env | grep -c -e ^A= -e ^B= >/count; true\n',
    },
    {
      name: 'quotes and spaces in values',
      dockerfile: `FROM busybox
ARG A="two words"
ARG B='single $A'
ARG C=escaped\\ space
ARG D="say \\"hi\\""
RUN echo "$A|$B|$C|$D|$E" >/said
ARG E
RUN echo "$E" >/given
`,
      flags: ['--build-arg', 'E=from "outside" $A'],
    },
    {
      name: 'proxies need no declaration and leave no trace',
      dockerfile: 'FROM busybox\nRUN echo "$HTTP_PROXY $no_proxy" >/said\n',
      flags: ['--build-arg', 'HTTP_PROXY=http://127.0.0.1:9', '--build-arg', 'no_proxy=localhost'],
    },
    {
      name: 'platforms, where they are declared',
      dockerfile: `FROM busybox
ARG TARGETPLATFORM
ARG TARGETOS
ARG TARGETARCH
ARG TARGETVARIANT
ARG BUILDPLATFORM
ARG BUILDARCH
RUN echo "$TARGETPLATFORM|$TARGETOS|$TARGETARCH|$TARGETVARIANT|$BUILDPLATFORM|$BUILDARCH|$BUILDOS" >/platforms
`,
    },
    {
      name: 'a platform argument with a default, and given from outside',
      dockerfile:
        'FROM busybox\nARG TARGETOS=mine\nARG TARGETARCH=mine\nRUN echo "$TARGETOS $TARGETARCH" >/said\n',
      flags: ['--build-arg', 'TARGETARCH=given'],
    },
    {
      name: 'the platform of FROM by a variable',
      dockerfile:
        'FROM --platform=$BUILDPLATFORM busybox AS one\nRUN echo 1 >/one\nFROM --platform=$TARGETPLATFORM busybox\nCOPY --from=one /one /\n',
    },
    {
      name: 'one that is given but nowhere declared',
      dockerfile: 'FROM busybox\nRUN echo "[$A]" >/a\n',
      flags: ['--build-arg', 'A=given'],
    },
    {
      name: 'arguments of a base stage reach those that stand on it',
      dockerfile:
        'FROM busybox AS one\nARG A=1\nENV B=$A\nRUN echo "$A" >/one\nFROM one\nRUN echo "[$A] $B" >/two\n',
      without: {
        docker: 'it does not tell them in the history',
        buildah: 'Buildah gives them to nobody else',
      },
    },
    {
      name: 'an argument that is declared again, and one made of another in the same line',
      dockerfile: 'FROM busybox\nARG A=1 B=$A-b\nENV E=env\nARG A=2\nARG E=arg\nRUN echo "$A $B $E" >/said\n',
      without: { docker: docker.newer, buildah: 'Buildah 1.28 takes one a line' },
    },
  ],
};
