// A process that tries inputs for as long as it lives, and tells its parent what it found. Started by `main.ts`.
import { openSync, writeSync } from 'node:fs';
import { Coverage } from './coverage.ts';
import { writeDockerfile } from './grammar.ts';
import { mutate } from './mutate.ts';
import { Random } from './random.ts';
import { seeds } from './seeds.ts';
import { type Finding, tryInput } from './target.ts';

/** What a session tells of itself, about once a second. */
export interface SessionReport {
  readonly executions: number;
  readonly corpus: number;
  readonly blocks: number;
  readonly findings: readonly (Finding & { readonly input: string })[];
}

/** Inputs that are tried between two looks at what they covered. */
const batchSize = 200;
/** More bytes than this on the heap after an input look like too many. */
const suspicious = 100e6;

// Who asked is gone.
process.on('disconnect', () => process.exit());

const [seed, place] = process.argv.slice(2);
const random = new Random(Number(seed));
const current = openSync(place as string, 'r+');
const corpus: Uint8Array[] = seeds.map(each => Buffer.from(each));
const coverage = new Coverage();
let executions = 0;
let turn = 0;
let findings: SessionReport['findings'][number][] = [];
let told = Date.now();

await coverage.start();
for (;;) {
  const batch = Array.from({ length: batchSize }, nextInput);
  for (const input of batch) await attempt(input);
  await learn(batch, await coverage.takeNew());
  if (Date.now() - told > 1000) tell();
}

function nextInput(): Uint8Array {
  const written = (): Uint8Array => Buffer.from(writeDockerfile(random));
  if (random.once(3)) return written();
  if (random.once(50)) return Buffer.from(random.some(200, () => random.below(256)));
  return mutate(random, random.once(3) ? written() : random.pick(corpus), random.pick(corpus));
}

async function attempt(input: Uint8Array): Promise<void> {
  executions++;
  const before = process.memoryUsage().heapUsed;
  const finding = await run(input);
  const grown = process.memoryUsage().heapUsed - before;
  if (finding !== undefined) add(finding, input);
  else if (grown > suspicious) add({ kind: 'memory', detail: `${Math.round(grown / 1e6)} MB` }, input);
}

function add(finding: Finding, input: Uint8Array): void {
  findings.push({ ...finding, input: Buffer.from(input).toString('base64') });
}

/** Writes the input where the parent finds it, should this process hang or die of it. Then tries it. */
function run(input: Uint8Array): Promise<Finding | undefined> {
  const head = Buffer.alloc(8);
  head.writeUInt32LE(++turn, 0);
  head.writeUInt32LE(input.length, 4);
  writeSync(current, Buffer.concat([head, input]), 0, input.length + 8, 0);
  return tryInput(input);
}

/** Keeps those inputs that reach the new blocks: runs them again, all, then halves, down to single ones. */
async function learn(inputs: readonly Uint8Array[], fresh: Set<string>): Promise<void> {
  if (inputs.length === 0 || fresh.size === 0) return;
  for (const input of inputs) await run(input);
  const ran = await coverage.take(block => fresh.has(block));
  if (ran.size === 0) return;
  const half = inputs.length >> 1;
  if (half > 0) {
    await learn(inputs.slice(0, half), fresh);
    await learn(inputs.slice(half), fresh);
    return;
  }
  corpus.push(...inputs);
  for (const block of ran) fresh.delete(block);
}

function tell(): void {
  const report: SessionReport = { executions, corpus: corpus.length, blocks: coverage.size, findings };
  process.send?.(report);
  findings = [];
  told = Date.now();
}
