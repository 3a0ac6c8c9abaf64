// Builds the same inputs with Stagecraft and, where they are installed, with Buildah and Docker's BuildKit, and prints
// medians and ratios. Takes some minutes. `npm run bench -- files` runs only what has "files" in its title.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Builder, buildah, docker, stagecraft } from './builders.ts';
import type { Measured } from './process.ts';
import { makeContexts, type Scenario, scenarios } from './scenarios.ts';
import { cell, median, ratio, table } from './table.ts';

const wanted = process.argv[2] ?? '';
const scratch = mkdtempSync(join(tmpdir(), 'stagecraft-bench-'));
const contexts = makeContexts(scratch, process.env.BENCH_BUSYBOX ?? '/bin/busybox');
const builders: Builder[] = [stagecraft(scratch)];
for (const builder of [process.getuid?.() === 0 ? buildah(scratch) : undefined, await docker(scratch)])
  if (builder !== undefined) builders.push(builder);

try {
  for (const builder of builders) await builder.build('bench-base', contexts.base);
  const rows: string[][] = [['', ...builders.flatMap(({ name }, i) => (i === 0 ? [name] : [name, 'ratio']))]];
  for (const scenario of scenarios(contexts).filter(({ title }) => title.includes(wanted)))
    rows.push(await row(scenario));
  console.log(table(rows));
} finally {
  for (const builder of builders) await builder.stop();
  rmSync(scratch, { recursive: true, force: true });
}

async function row(scenario: Scenario): Promise<string[]> {
  const medians: (Measured | undefined)[] = [];
  for (const builder of builders) {
    process.stderr.write(`${scenario.title}: ${builder.name}\n`);
    await scenario.prepare?.(builder);
    const measured: Measured[] = [];
    for (let run = 0; run < scenario.runs; run++) {
      const one = await scenario.measure(builder, run);
      if (one !== undefined) measured.push(one);
    }
    medians.push(median(measured));
  }
  const own = medians[0]?.seconds ?? 0;
  return [
    scenario.title,
    ...medians.flatMap((one, i) => (i === 0 ? [cell(one)] : [cell(one), ratio(one, own)])),
  ];
}
