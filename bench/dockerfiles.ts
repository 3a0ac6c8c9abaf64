// Dockerfiles as people write them, for measuring what reads them. No two are the same.

/** A project of one of four languages: three to six stages, thirty to sixty lines. */
export function realisticDockerfile(n: number): string {
  const project = projects[n % projects.length] as (n: number) => string[];
  const tools = Array.from({ length: n % 4 }, (_, i) => [
    '',
    `FROM alpine:3.${15 + ((n + i) % 6)} AS tool-${i}`,
    `ARG TOOL_VERSION=${i}.${n}`,
    `RUN wget -q -O /tool https://example.com/tool-${i}/\${TOOL_VERSION}/linux-\${TARGETARCH:-amd64} \\`,
    '    && chmod +x /tool',
  ]);
  return ['# syntax=docker/dockerfile:1', ...project(n), ...tools.flat(), '', ...last(n)].join('\n');
}

const projects = [
  (n: number) => [
    `ARG NODE_VERSION=${18 + (n % 5)}`,
    `FROM node:\${NODE_VERSION}-bookworm-slim AS base`,
    'ENV NODE_ENV=production PNPM_HOME="/pnpm"',
    `ENV PATH="$PNPM_HOME:$PATH" APP_NAME=service-${n}`,
    'WORKDIR /app',
    '# Dependencies change less often than sources',
    'FROM base AS deps',
    'COPY package.json package-lock.json ./',
    'RUN --mount=type=cache,target=/root/.npm,id=npm npm ci --omit=dev',
    'FROM base AS build',
    'COPY . .',
    `RUN npm install && npm run build -- --filter=service-${n}`,
    'FROM build AS test',
    'RUN npm test -- --coverage',
  ],
  (n: number) => [
    `FROM --platform=$BUILDPLATFORM golang:1.${20 + (n % 6)} AS build`,
    'ARG TARGETOS TARGETARCH',
    'WORKDIR /src',
    'COPY go.mod go.sum ./',
    'RUN --mount=type=cache,target=/go/pkg/mod go mod download -x',
    'COPY --link . .',
    `RUN --mount=type=cache,target=/root/.cache/go-build <<EOF`,
    'set -eux',
    `CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH go build -ldflags "-s -w -X main.version=${n}" -o /out/app ./cmd/app`,
    'EOF',
    'FROM build AS lint',
    'RUN go vet ./... && go test -race ./...',
  ],
  (n: number) => [
    `FROM python:3.${9 + (n % 5)}-slim AS build`,
    'ENV PIP_DISABLE_PIP_VERSION_CHECK=1 \\',
    '    PIP_NO_CACHE_DIR=1',
    'RUN apt-get update && apt-get install -y --no-install-recommends \\',
    '      build-essential \\',
    '      libpq-dev \\',
    '      # for images',
    `      libjpeg-dev=${n} \\`,
    '    && rm -rf /var/lib/apt/lists/*',
    'WORKDIR /build',
    'COPY requirements.txt .',
    'RUN pip wheel --wheel-dir /wheels -r requirements.txt',
    'FROM build AS docs',
    'COPY docs/ docs/',
    'RUN ["make", "-C", "docs", "html"]',
  ],
  (n: number) => [
    `FROM maven:3.9-eclipse-temurin-${11 + 6 * (n % 3)} AS build`,
    `LABEL org.opencontainers.image.title="service ${n}" \\`,
    `      org.opencontainers.image.version="1.${n}.0"`,
    'WORKDIR /workspace/app',
    'COPY pom.xml .',
    'COPY .mvn .mvn',
    'RUN mvn -B dependency:go-offline',
    'COPY src src',
    'RUN mvn -B package -DskipTests && mkdir -p target/layers && (cd target/layers; jar -xf ../*.jar)',
  ],
];

function last(n: number): string[] {
  return [
    `FROM debian:${['bookworm', 'bullseye', 'trixie'][n % 3]}-slim`,
    'RUN useradd --system --uid 10001 app \\',
    '    && apt-get update \\',
    '    && apt-get install -y --no-install-recommends ca-certificates tini \\',
    '    && rm -rf /var/lib/apt/lists/*',
    'WORKDIR /srv',
    'ARG REVISION=unknown',
    `ENV REVISION=\${REVISION} PORT=${3000 + (n % 1000)}`,
    'LABEL org.opencontainers.image.revision=$REVISION',
    `COPY --from=build --chown=app:app /out/service-${n} ./`,
    ...Array.from({ length: n % 4 }, (_, i) => `COPY --from=tool-${i} /tool /usr/local/bin/tool-${i}`),
    'COPY --chmod=755 <<"EOF" /docker-entrypoint.sh',
    '#!/bin/sh',
    'exec "$@"',
    'EOF',
    `EXPOSE ${3000 + (n % 1000)}`,
    'USER app',
    `HEALTHCHECK --interval=30s --timeout=3s CMD wget -q -O - http://localhost:${3000 + (n % 1000)}/health || exit 1`,
    'ENTRYPOINT ["tini", "--", "/docker-entrypoint.sh"]',
    `CMD ["./service-${n}"]`,
    '',
  ];
}

/**
 * Stages that each build on, copy from and mount others, `reached` of which the last one needs; the rest are in the
 * way.
 */
export function manyStages(reached: number, unreached = 0): string {
  const stage = (name: string, i: number): string[] =>
    [
      `FROM ${i === 0 ? 'debian:bookworm' : i % 5 === 0 ? `${name}${i - 1}` : 'scratch'} AS ${name}${i}`,
      `ARG VERSION=${i}`,
      `ENV STAGE=${name}${i} VERSION=$VERSION`,
      'WORKDIR /work',
      ...(i === 0 ? [] : [`COPY --from=${name}${i - 1} /out /in`]),
      `RUN --mount=type=cache,target=/cache --mount=from=${name}${Math.max(0, i - 7)},target=/other make ${i}`,
      `COPY src/${i % 20} ./`,
    ].filter(line => !(i === 0 && line.includes('--mount=from')));
  const stages = (name: string, count: number) =>
    Array.from({ length: count }, (_, i) => stage(name, i)).flat();
  return [...stages('other', unreached), ...stages('stage', reached)].join('\n');
}
