import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Builder } from './builders.ts';
import type { Measured } from './process.ts';

/** One row of the table. */
export interface Scenario {
  title: string;
  /** Times each is measured. */
  runs: number;
  /** Not measured. */
  prepare?(builder: Builder): Promise<unknown>;
  measure(builder: Builder, run: number): Promise<Measured | undefined>;
}

/** Directories to build from, made once. */
export interface Contexts {
  base: string;
  steps: string;
  files: string;
  stages: string;
  large: string;
  exports: string;
}

const fileCount = 20_000;
const directoryCount = 200;

export function makeContexts(scratch: string, busybox: string): Contexts {
  const at = (name: string): string => {
    const path = join(scratch, 'contexts', name);
    mkdirSync(path, { recursive: true });
    return path;
  };
  const contexts = {
    base: at('base'),
    steps: at('steps'),
    files: at('files'),
    stages: at('stages'),
    large: at('large'),
    exports: at('exports'),
  };
  copyFileSync(busybox, join(contexts.base, 'busybox'));
  write(
    contexts.base,
    'FROM scratch',
    'COPY busybox /bin/busybox',
    'RUN ["/bin/busybox", "--install", "-s", "/bin"]',
  );
  write(contexts.steps, 'FROM bench-base', ...Array.from({ length: 30 }, (_, i) => `RUN true ${i}`));
  write(contexts.files, 'FROM bench-base', 'COPY src /one', 'COPY src /two');
  for (let i = 0; i < fileCount; i++) {
    const directory = join(contexts.files, 'src', `d${i % directoryCount}`);
    if (i < directoryCount) mkdirSync(directory, { recursive: true });
    writeFileSync(join(directory, `f${i}.txt`), `file ${i}\n`.repeat(1 + (i % 100)));
  }
  const stage = (n: number): string[] => [`FROM bench-base AS s${n}`, `RUN sleep 1 && echo ${n} > /out${n}`];
  write(
    contexts.stages,
    ...[1, 2, 3, 4].flatMap(stage),
    'FROM bench-base',
    ...[1, 2, 3, 4].map(n => `COPY --from=s${n} /out${n} /`),
  );
  write(
    contexts.large,
    'FROM bench-base',
    'RUN head -c 175000000 /dev/urandom > /random && for i in 1 2 3 4 5 6 7 8; do head -c 16500000 /random | od -A n -t x1 | head -c 22000000; done > /text',
  );
  return contexts;
}

function write(context: string, ...lines: string[]): void {
  writeFileSync(join(context, 'Dockerfile'), `${lines.join('\n')}\n`);
}

export function scenarios(contexts: Contexts): Scenario[] {
  return [
    {
      title: '30 trivial RUN steps',
      runs: 3,
      measure: builder => builder.build('steps', contexts.steps, { noCache: true }),
    },
    {
      title: '30 steps, all cached',
      runs: 7,
      prepare: builder => builder.build('steps', contexts.steps),
      measure: builder => builder.build('steps', contexts.steps),
    },
    {
      title: '20,000 files copied twice, cold',
      runs: 1,
      measure: builder => builder.build('files', contexts.files, { noCache: true }),
    },
    {
      title: '20,000 files, all cached',
      runs: 5,
      measure: builder => builder.build('files', contexts.files),
    },
    {
      title: '20,000 files, one changed',
      runs: 3,
      measure: (builder, run) => {
        writeFileSync(join(contexts.files, 'src/d7/f7.txt'), `changed for ${builder.name} ${run}\n`);
        return builder.build('files', contexts.files);
      },
    },
    {
      title: 'four stages that sleep one second',
      runs: 3,
      measure: builder => builder.build('stages', contexts.stages, { noCache: true }),
    },
    ...(['gzip', 'zstd'] as const).map(
      (compression): Scenario => ({
        title: `export of a 350 MB layer, ${compression}`,
        runs: 1,
        prepare: builder => builder.solve?.(contexts.large) ?? builder.build('large', contexts.large),
        measure: async builder =>
          builder.exportImage?.(
            'large',
            contexts.large,
            join(contexts.exports, `${builder.name}-${compression}.tar`),
            compression,
          ),
      }),
    ),
  ];
}
