import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';

export interface Measured {
  /** Wall time. */
  seconds: number;
  /** The largest resident set of one process of the command, in MB; nothing where it cannot be told. */
  peakMB?: number;
  /** Processor time of the command and its children, which a busy machine changes least; where it can be told. */
  cpuSeconds?: number;
}

const timeTool = '/usr/bin/time';

/** Runs a command to its end. @throws Error with the command's last output when it fails */
export function measure(
  command: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
): Promise<Measured> {
  const timed = existsSync(timeTool);
  const [program, words] = timed
    ? [timeTool, ['-f', 'peak=%M cpu=%U+%S', command, ...args]]
    : [command, [...args]];
  const started = performance.now();
  const child = spawn(program, words, { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  const keep = (chunk: Buffer): void => {
    output = (output + chunk.toString('utf8')).slice(-4000);
  };
  child.stdout.on('data', keep);
  child.stderr.on('data', keep);
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', code => {
      const seconds = (performance.now() - started) / 1000;
      if (code !== 0) return reject(new Error(`${command} ${args.join(' ')} ended with ${code}:\n${output}`));
      const [, peak, user, system] = /peak=(\d+) cpu=([\d.]+)\+([\d.]+)\n$/.exec(output) ?? [];
      if (peak === undefined) return resolve({ seconds });
      resolve({ seconds, peakMB: Number(peak) / 1024, cpuSeconds: Number(user) + Number(system) });
    });
  });
}

/** The most memory a living process has had, in MB. */
export function peakOf(pid: number): number {
  const line = /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  return Number(line?.[1] ?? 0) / 1024;
}
