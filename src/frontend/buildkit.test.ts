import assert from 'node:assert/strict';
import { test } from 'node:test';
import { plan } from './testing.ts';

// Each Dockerfile with the digest that BuildKit (the one in Docker Engine 26.1.5, with containerd's snapshots) gave to
// the last vertex of its graph, as `docker buildx build --network=none --progress=rawjson` prints it. The digest of a
// vertex stands for all vertices below it, so that equal digests mean that the graphs are equal byte for byte.
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
    digest: 'sha256:2054179b26c82df8875abb0fded5367c7c60d9bcb8c3625e49c6ddfd3c051c4e',
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
    digest: 'sha256:f4ec7daf2fc3f4cd53cc4e1269875aa2de7ee6db08a39ab6b1eab7f0c7db4e3b',
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
    digest: 'sha256:203c0388fe98814ff5648299184004d580a5cb046d2e76175a42dd0c6689f285',
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
    digest: 'sha256:862bd4bfbc757de656c6073a386c02cafe84c0aa35038b4297aa71189a040095',
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
    digest: 'sha256:7d50df237eb175bedc37e23878925ef5ed4a874d3a2558dc0f61c86f6df4d08d',
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
    digest: 'sha256:eec54de02ec1aba9b7381a02897a32311de820f901144e2617823d1927f3810c',
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
    digest: 'sha256:13d5c9bcba2060503dcfeff873049ceaa7a3b14ab50e4546f85c19313e16ecb9',
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
    digest: 'sha256:0f38280fcd67cb430f0f29c92d555ae453492af6538317717642366ffc90cd8c',
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
    digest: 'sha256:388a6ff0e30f0b95e9f1eed809f58d941af192bf6f30bc68084de57ca4359a8e',
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
    digest: 'sha256:28118848db5c5f4e6d691ee907e4c2cf1bd7f67d8dd49bd36f5db8a750373451',
  },
  {
    what: 'downloads',
    dockerfile: `FROM scratch
ADD http://127.0.0.1:1/some%20file.tar.gz?x=1 http://127.0.0.1:1/ /d/
ADD --keep-git-dir=true https://127.0.0.1:1/org/r.git#v1:sub/dir /g
`,
    digest: 'sha256:d34cb048432997f5a5061e9e1b3a0289a2bbd03da7cfc6b9c99cbc92452dd5cd',
  },
];

for (const { what, dockerfile, digest } of fixtures) {
  test(`the graph is BuildKit's: ${what}`, async () => {
    const { graph } = await plan(dockerfile, { networkMode: 'none' });
    assert.equal(graph.target?.digest, digest);
  });
}
