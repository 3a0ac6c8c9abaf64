import { buildah, docker, type Topic } from '../case.ts';

export const expansion: Topic = {
  name: 'expansion',
  cases: [
    {
      name: 'defaults and alternatives',
      dockerfile: `FROM busybox
ENV SET=value EMPTY=
ENV A=\${SET:-default} B=\${EMPTY:-default} C=\${UNSET:-default}
ENV D=\${SET:+there} E=\${EMPTY:+there} F=\${UNSET:+there}
ENV G=\${UNSET:-\${SET}} H="\${UNSET:-a \${SET} b}" I="\${UNSET:-with space}" J=\${UNSET:-}
`,
    },
    {
      name: 'defaults and alternatives without a colon',
      dockerfile: `FROM busybox
ENV SET=value EMPTY=
ENV A=\${SET-default} B=\${EMPTY-default} C=\${UNSET-default}
ENV D=\${SET+there} E=\${EMPTY+there} F=\${UNSET+there}
`,
      without: { docker: docker.newer, buildah: buildah.words },
    },
    {
      name: 'prefixes, suffixes and replacements',
      dockerfile: `FROM busybox
ENV V=one.two.three
ENV A=\${V#*.} B=\${V##*.} C=\${V%.*} D=\${V%%.*} E=\${V/o/0} F=\${V//o/0} G=\${V/two/} H=\${V//./-}
`,
      without: { docker: docker.newer, buildah: buildah.words },
    },
    {
      name: 'names end where they must',
      dockerfile: 'FROM busybox\nENV A=1 AB=2\nENV C=$A.B D=$A-B E=${A}B F=$AB G=$A/$AB H=$A$AB I=a$A:b$AB\n',
    },
    {
      name: 'dollars that are no variables',
      dockerfile: 'FROM busybox\nENV A=$ B=a$ C="$ x" D=$1 E=$$ F=\\$A G=\'$A\' H=a$.b\n',
      without: { buildah: buildah.words },
    },
    {
      name: 'quotes inside of a value, and inside of braces',
      dockerfile: `FROM busybox
ENV A="a 'b' c" B='a "b" c' C=a"b c"d
ENV D=\${X:-"quoted words"} E="\${X:-'single'}" F=\${X:-'single $A'}
`,
    },
    {
      name: 'an unknown variable is empty',
      dockerfile: 'FROM busybox\nENV A=[$NONE] B=${NONE}\nLABEL l=$NONE\nWORKDIR /a$NONE/b\nRUN pwd >at\n',
    },
    {
      name: 'where variables are expanded',
      dockerfile: `FROM busybox
ARG V=value
ENV E=$V
LABEL l=$V
EXPOSE \${PORT:-80}
VOLUME /$V
STOPSIGNAL \${SIGNAL:-SIGINT}
WORKDIR /$V
USER \${WHO:-5}
COPY $V /copied/$V
ADD $V /added/$V
`,
      files: { value: 'v' },
    },
    {
      name: 'where variables are left as they are',
      dockerfile: `FROM busybox
ENV V=value
SHELL ["/bin/sh", "-c"]
CMD echo $V
ENTRYPOINT ["/bin/$V"]
HEALTHCHECK CMD echo $V
ONBUILD RUN echo $V
`,
    },
    {
      name: 'the shell expands what the builder leaves to it',
      dockerfile:
        'FROM busybox\nARG A=arg\nENV E=env\nRUN S=shell; echo "$A ${E} $S ${S%l} $(echo $E | tr e E)" >/said\n',
    },
    {
      name: 'variables in labels: names and values',
      dockerfile: 'FROM busybox\nENV A=x\nLABEL "$A"=1 b=$A "c d"="$A $A" e=\'$A\'\n',
    },
    {
      name: 'a variable in the name of the image',
      dockerfile: 'ARG NAME=busy\nARG TAG=latest\nFROM ${NAME}box:$TAG\nRUN echo x >/x\n',
    },
    {
      name: 'a missing variable stops the build when it must be there',
      dockerfile: 'FROM busybox\nENV A=${NEEDED:?is not there}\n',
      refused: /NEEDED/,
    },
    {
      name: 'braces that nothing closes',
      dockerfile: 'FROM busybox\nENV A=${B\n',
      refused: /Dockerfile:2/,
    },
    {
      name: 'modifiers that do not exist',
      dockerfile: 'FROM busybox\nENV A=${B:=x}\n',
      refused: /Dockerfile:2/,
    },
  ],
};
