import assert from 'node:assert/strict';
import { test } from 'node:test';
import { plan } from './testing.ts';

// Each Dockerfile with the digest that BuildKit 0.32 gives to the last vertex of its graph, where networks are off. The
// digest of a vertex stands for all vertices below it, so that equal digests mean that the graphs are equal byte for byte.
const fixtures: { what: string; dockerfile: string; digest: string }[] = [
  {
    what: 'the order of variables',
    dockerfile: `FROM scratch
ENV A=1 B=2
ENV A=3
ARG B=5
ARG C
ENV D=$A$B$C
RUN true
ENV legacy value with  spaces
RUN true
`,
    digest: 'sha256:214cc82266b91984653e2181dbb3caf0116e9f00bb44401729282fc229c80529',
  },
  {
    what: 'words with quotes, escapes and modifiers',
    dockerfile: `FROM scratch
ENV A="x y" B='z $A' C=a\\ b V=abc.def
ENV E=\${V%.def} F=\${V#abc} G=\${U:-d} H=\${V:+e}
RUN echo "$A" 'single $A' \\$B
WORKDIR /\${V%%.*}
USER \${U:-9}
RUN true
`,
    digest: 'sha256:c90ea9525348044abdf5c49de2e2150c2162e3a4415f01b8bbb2079f55931182',
  },
  {
    what: 'working directories and who owns them',
    dockerfile: `FROM scratch
WORKDIR /
WORKDIR a/../b
WORKDIR /x/./y/
ENV D=q
WORKDIR $D/\${D}
USER 3:4
WORKDIR z
USER root
WORKDIR z2
`,
    digest: 'sha256:10fe89bea506d7ee34c82c62e8a709d17a8e10c5e4e2a7015b760371bb829681',
  },
  {
    what: 'here-documents',
    dockerfile: `FROM scratch
RUN <<EOF
true 1
true 2
EOF
RUN <<-EOF
	true 1
EOF
RUN <<S
#!/bin/sh
true 3
S
RUN cat <<A <<B > /dev/null
$HOME
A
b
B
ENV N=w
COPY <<f.txt <<"g.txt" <<-h /d/
hello "$N" $U \\$N
f.txt
raw $N
g.txt
	tab
h
`,
    digest: 'sha256:f5432f21ddda7f4e6a5eaf95ee12bfa347d5534c8c5c26702b56518a3fbfcd91',
  },
  {
    what: 'mounts',
    dockerfile: `FROM scratch AS s
COPY <<x /x
x
FROM scratch
WORKDIR /w
ARG DIR=/cc
RUN --mount=type=bind,from=s,source=/x,target=/m true 1
RUN --mount=type=bind,from=s,target=m,rw true 2
RUN --mount=type=cache,target=$DIR true 3
RUN --mount=type=cache,target=./rel,id=k,sharing=private true 4
RUN --mount=type=cache,target=/c,from=s,source=/x,readonly true 5
RUN --mount=type=cache,target=/c,mode=0700,gid=3 true 6
RUN --mount=type=tmpfs,target=/t true 7
RUN --mount=type=tmpfs,target=/t,size=1g true 7
RUN --network=none --mount=type=cache,target=/b --mount=type=cache,target=/a --mount=type=tmpfs,target=/0 true 9
`,
    digest: 'sha256:4c3d12e067dcbb3463bc8602dd1158895ac65b96ce71bb5f7ecad7d3bdee99f1',
  },
  {
    what: 'copies between stages',
    dockerfile: `FROM scratch AS S
COPY <<sh /bin/
x
sh
FROM scratch AS unused
RUN unused
FROM scratch
ARG U=5
COPY --from=s --chown=$U:6 /bin/sh /a
COPY --from=0 --chown=root /bin/sh /bin/ls /b/
COPY --from=s --chmod=0755 bin/sh c
COPY --from=s --chown=:9 /bin/* d/
COPY --from=S /bin/../etc/ /e/./
COPY --from=s ["/bin/sh", "/f g/"]
WORKDIR /w
COPY --from=s /etc .
COPY --from=s /etc ./
COPY --from=s /etc ../y
COPY --from=s . z
`,
    digest: 'sha256:40be96a27b1cb2d581d3b4e6c4116f09ce0a4be4d6d0e6edb2f220ce694151b4',
  },
  {
    what: 'linked copies',
    dockerfile: `FROM scratch AS s
COPY <<A /etc/
hello
A
FROM scratch
COPY --link --from=s /etc w
WORKDIR /w
COPY --link --from=s /etc x
COPY --link --from=s --chown=1:2 /etc y
`,
    digest: 'sha256:dda01d7b8e3193845e597262d17f8ab5e597381c6751d777d71290833a1b63cc',
  },
  {
    what: 'stages made from stages',
    dockerfile: `FROM scratch AS a
ARG X=1
ENV Y=2
WORKDIR /srv
USER 7
SHELL ["/bin/bash", "-c"]
FROM a AS b
RUN echo $X $Y
FROM b
RUN ["/bin/true", "a b"]
`,
    digest: 'sha256:0631784931d9475b13e0a867f32fbcf3484f553c910f0d233e8c63bf71c3cfc0',
  },
  {
    what: 'platforms',
    dockerfile: `FROM --platform=$BUILDPLATFORM scratch AS b
ARG TARGETPLATFORM TARGETARCH BUILDOS TARGETVARIANT
RUN true
FROM --platform=linux/arm64 scratch
RUN true
COPY --from=b / /
`,
    digest: 'sha256:999e50a36787b3536456e9bebc5c14bca5540c618936c810d3b9ac85be4900c8',
  },
  {
    what: 'lines that go on',
    dockerfile: `# escape=\`
FROM scratch
# c
RUN true \`
  # comment
  && true \`

  && true
ENV A=c:\\x B=\`$q
WORKDIR /a\\b
RUN x
`,
    digest: 'sha256:de8aa94da5eb61e89238cf70561b7c65225558206a358d1acf694f39c58dbd56',
  },
  {
    what: 'downloads',
    dockerfile: `FROM scratch
ADD http://127.0.0.1:1/some%20file.tar.gz?x=1 http://127.0.0.1:1/ /d/
ADD --keep-git-dir=true https://127.0.0.1:1/org/r.git#v1:sub/dir /g
`,
    digest: 'sha256:92014e4b6057ce0d72cd29741f26ac16c90b26ccf95d693d0f04e854e4c1565b',
  },
];

for (const { what, dockerfile, digest } of fixtures) {
  test(`the graph is BuildKit's: ${what}`, async () => {
    const { graph } = await plan(dockerfile, { networkMode: 'none' });
    assert.equal(graph.target?.digest, digest);
  });
}
