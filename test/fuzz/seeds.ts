// biome-ignore-all lint/suspicious/noTemplateCurlyInString: it is the syntax under test
/** Dockerfiles to begin with: one for each part of the language that chance would be slow to find. */
export const seeds: readonly string[] = [
  'FROM scratch\n',
  'FROM scratch\nENV A=x\nENV A=$A$A\nLABEL l=$A\nEXPOSE 0-65535\n',
  'FROM scratch AS a\nFROM scratch AS b\nCOPY --from=a / /\nCOPY --from=b / /\n',
  '# syntax=docker/dockerfile:1\n# escape=`\nARG V=12\nFROM debian:$V AS build\nWORKDIR c:\\x\nRUN a `\n  b\n',
  'FROM debian AS a\nENV A="x y" B=${A:-z} \\\n  C=d\nLABEL a.b="c" d=e\nFROM a\nCOPY --from=a --chown=1:2 --link /x /y\n',
  'FROM scratch\nCOPY <<A <<-"B" /d/\n$x\nA\n\tb\n\tB\nRUN <<E\n#!/bin/sh\necho\nE\n',
  'FROM scratch\nRUN --mount=type=cache,target=/c,id=x --mount=type=secret,id=s,env=S --network=none ["a", "b"]\n',
  'FROM debian\nHEALTHCHECK --interval=5m --retries=3 CMD curl x || exit 1\nEXPOSE 80/udp 8000-8010\nVOLUME ["/a"]\n',
  'FROM debian AS base\nONBUILD COPY --from=x a b\nFROM scratch AS x\nFROM base\nRUN y\n',
  'FROM --platform=$BUILDPLATFORM debian AS b\nARG TARGETARCH\nADD https://h/r.git#v1:d /g\nSHELL ["/bin/sh", "-c"]\n',
  'FROM scratch\nENV A=abc\nENV B=${A#a} C=${A##*b} D=${A%c} E=${A%%b*} F=${A/b/x} G=${A//[a-c]/$A} H=${U:?no}\n',
  'FROM scratch AS t\nUSER a:b\nSTOPSIGNAL RTMIN+3\nENTRYPOINT ["a"]\nCMD b\nMAINTAINER c\nFROM t\nCOPY --parents a/./b* c/\n',
];
