// Looks for Dockerfiles that bring the parser, the planner or the checks to fall: `npm run fuzz -- [minutes] [seed]`.
// Guided by coverage: an input that runs new code is kept and changed further. Each session is a process of its own with
// little memory, watched by this one. What is found is written to `fuzz-findings/`.
import { fork } from 'node:child_process';
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { digestOf } from '../../src/util/digest.ts';
import type { SessionReport } from './session.ts';
import type { Finding } from './target.ts';

const [minutes, firstSeed] = [process.argv[2] ?? 10, process.argv[3] ?? Date.now() % 1e9].map(Number) as [
  number,
  number,
];
if (!(minutes > 0) || !Number.isInteger(firstSeed)) {
  console.error('Usage: npm run fuzz -- [minutes] [seed]');
  process.exit(2);
}
/** An input that takes more processor time than this hangs, in milliseconds: a busy machine is no finding. */
const patience = 2000;
/** The heap of a session, in MB: what it needs itself, and the 100 MB that an input may have. */
const heapLimit = 320;
const headSize = 8;

const folder = 'fuzz-findings';
const scratch = mkdtempSync(join(tmpdir(), 'stagecraft-fuzz-'));
const until = Date.now() + minutes * 60_000;
const total = { executions: 0, corpus: 0, blocks: 0, sessions: 0 };
const found = new Map<string, number>();

console.log(`seed ${firstSeed}, ${minutes} minutes`);
const shown = setInterval(() => console.log(summary()), 30_000);
try {
  for (let seed = firstSeed; Date.now() < until; seed++) await runSession(seed);
} finally {
  clearInterval(shown);
  rmSync(scratch, { recursive: true, force: true });
}
console.log(summary());
for (const [what, times] of found) console.log(`${times} x ${what}`);
process.exitCode = found.size > 0 ? 1 : 0;

/** One process, until the time is over or it hangs or dies. */
function runSession(seed: number): Promise<void> {
  const place = join(scratch, `input-${seed}`);
  writeFileSync(place, Buffer.alloc(headSize));
  const session = new URL('session.ts', import.meta.url);
  const child = fork(session, [String(seed), place], { execArgv: [`--max-old-space-size=${heapLimit}`] });
  const before = total.executions;
  total.sessions++;
  child.on('message', (report: SessionReport) => {
    total.executions = before + report.executions;
    total.corpus = report.corpus;
    total.blocks = report.blocks;
    for (const { input, ...finding } of report.findings) keep(finding, Buffer.from(input, 'base64'));
  });
  let last = { number: 0, used: 0 };
  const watch = setInterval(() => {
    const { number, input } = readCurrent(place);
    const used = processorTime(child.pid!);
    if (number !== last.number) last = { number, used };
    else if (number > 0 && used - last.used > patience) {
      keep({ kind: 'hang', detail: `more than ${patience} ms` }, input);
      child.kill('SIGKILL');
    }
    if (Date.now() > until) child.kill('SIGTERM');
  }, 250);
  return new Promise(resolve => {
    child.on('exit', (code, signal) => {
      clearInterval(watch);
      if (signal !== 'SIGKILL' && signal !== 'SIGTERM')
        keep({ kind: 'death', detail: signal ?? `exit code ${code}` }, readCurrent(place).input);
      resolve();
    });
  });
}

/** Milliseconds that a process has used of all processors (proc(5)). */
function processorTime(pid: number): number {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ');
    // Clock ticks, a hundred a second.
    return (Number(fields[11]) + Number(fields[12])) * 10;
  } catch {
    // It ended meanwhile.
    return 0;
  }
}

function readCurrent(place: string): { number: number; input: Uint8Array } {
  const file = openSync(place, 'r');
  try {
    const head = Buffer.alloc(headSize);
    readSync(file, head, 0, headSize, 0);
    const input = Buffer.alloc(head.readUInt32LE(4));
    readSync(file, input, 0, input.length, headSize);
    return { number: head.readUInt32LE(0), input };
  } finally {
    closeSync(file);
  }
}

/** Writes the input of a finding, once for each finding of the same kind. */
function keep({ kind, detail }: Finding, input: Uint8Array): void {
  const what = `${kind}: ${detail
    .split('\n')
    .slice(0, 3)
    .join(' ')
    .replaceAll(/"[^"]*"/g, '"..."')}`;
  found.set(what, (found.get(what) ?? 0) + 1);
  if (found.get(what) !== 1) return;
  mkdirSync(folder, { recursive: true });
  const name = join(folder, `${kind.replace(' ', '-')}-${digestOf(input).slice(7, 19)}`);
  writeFileSync(name, input);
  writeFileSync(`${name}.txt`, `${detail}\n`);
  console.log(`${what}\n  ${name}`);
}

function summary(): string {
  const seconds = Math.max(1, minutes * 60 - Math.max(0, until - Date.now()) / 1000);
  return (
    `${total.executions} inputs in ${Math.round(seconds)} s, ${Math.round(total.executions / seconds)} a second; ` +
    `${total.blocks} blocks reached, ${total.corpus} inputs kept, ${total.sessions} sessions, ${found.size} findings`
  );
}
