// Builds the same inputs with Stagecraft and, where they are installed, with Buildah and Docker's BuildKit, and prints
// medians and ratios. Takes some minutes. `npm run bench -- files` runs only what has "files" in its title.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Builder, buildah, docker, stagecraft } from './builders.ts';
import type { Measured } from './process.ts';
import { makeContexts, type Scenario, scenarios } from './scenarios.ts';

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

function median(measured: Measured[]): Measured | undefined {
  return measured.sort((a, b) => a.seconds - b.seconds)[Math.floor(measured.length / 2)];
}

function cell(measured: Measured | undefined): string {
  if (measured === undefined) return '-';
  const memory = measured.peakMB === undefined ? '' : `, ${measured.peakMB.toFixed(0)} MB`;
  return `${measured.seconds.toFixed(2)} s${memory}`;
}

/** How many times as long as Stagecraft. */
function ratio(measured: Measured | undefined, own: number): string {
  return measured === undefined || own === 0 ? '-' : `${(measured.seconds / own).toFixed(1)}x`;
}

function table(rows: string[][]): string {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map(each => (each[column] ?? '').length)),
  );
  const line = (cells: string[]): string =>
    `| ${cells.map((each, i) => each.padEnd(widths[i] ?? 0)).join(' | ')} |`;
  const rule = `| ${widths.map(width => '-'.repeat(width)).join(' | ')} |`;
  const [head = [], ...body] = rows;
  return [line(head), rule, ...body.map(line)].join('\n');
}
