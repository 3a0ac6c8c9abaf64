import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { Bundle } from './bundle.ts';
import { StepCgroup } from './cgroup.ts';
import { cancelled, type RunningChain, runChain } from './chain.ts';
import { failureOf } from './failure.ts';
import { HandedFiles } from './handed.ts';
import { requireLimits } from './limits.ts';
import { oomKills } from './oom.ts';
import type { MountLine } from './overlay.ts';
import { LentSockets } from './sockets.ts';
import type { StreamTarget } from './streams.ts';
import { surroundings } from './surroundings.ts';
import { followSizeOf } from './terminal.ts';
import type { ExitStatus, Sandbox, SandboxSpec } from './types.ts';

/** What differs between the rungs. */
export interface Rung {
  readonly name: string;
  /** Mounts it needs in its own namespace. */
  readonly mounts: readonly MountLine[];
  /** How many processes deep below the chain's outermost one the process is that takes signals. */
  readonly depth: number;
  /** Who makes a terminal for `tty`: the runtime in its own way, or this process. */
  readonly terminal: 'runtime' | 'ours';
  /** Completes the bundle; returns the shell command that runs it and passes its exit code on. */
  command(bundle: Bundle, spec: SandboxSpec): string;
}

/** What exists for one run. */
interface Lent {
  readonly files: HandedFiles;
  readonly sockets: LentSockets;
  readonly cgroup: StepCgroup | undefined;
}

/** Bytes of standard error that are looked at after a failure. */
const lastBytes = 512;

/** Runs specs on one rung. */
export class RuntimeSandbox implements Sandbox {
  readonly #rung: Rung;

  constructor(rung: Rung) {
    this.#rung = rung;
  }

  get name(): string {
    return this.#rung.name;
  }

  async run(spec: SandboxSpec): Promise<ExitStatus> {
    if (spec.signal?.aborted) throw cancelled();
    requireLimits(spec, surroundings());
    for (const { workDir } of uppersOf(spec)) makeReusable(workDir);
    const files = new HandedFiles();
    const sockets = new LentSockets();
    let cgroup: StepCgroup | undefined;
    try {
      await sockets.open(spec.mounts);
      if (spec.cgroupParent !== undefined) cgroup = new StepCgroup(spec.cgroupParent);
      return await this.#runIn(spec, { files, sockets, cgroup });
    } finally {
      files.close();
      sockets.close();
      cgroup?.remove();
    }
  }

  async #runIn(spec: SandboxSpec, { files, sockets, cgroup }: Lent): Promise<ExitStatus> {
    const bundle = new Bundle(spec, { files, sockets, around: surroundings(), more: this.#rung.mounts });
    const stubs = bundle.stubs(spec);
    const runtime = this.#rung.command(bundle, spec);
    const killsBefore = oomKills();
    const last = { text: '' };
    const end = await runChain({
      script: [...(cgroup?.enter ?? []), bundle.script(runtime)].join('\n'),
      depth: this.#rung.depth,
      cwd: bundle.cwd,
      files,
      streams: this.#streams(spec, last),
      signal: spec.signal,
      onStart: running => this.#accompany(running, spec),
    });
    stubs?.remove();
    if (end.aborted) throw cancelled();
    if (end.code === 0) return { code: 0 };
    const log = readFileSync(bundle.log.fd, 'utf8');
    const [command = ''] = spec.args;
    const hooks = (spec.devices?.hooks ?? []).map(({ path }) => path);
    const failure = failureOf({
      rung: this.name,
      command,
      code: end.code,
      log,
      lastOutput: last.text,
      hooks,
    });
    if (failure !== undefined) throw failure;
    return { code: end.code, ...(end.code === 137 && oomKills() > killsBefore && { outOfMemory: true }) };
  }

  /** `last` keeps the end of what comes on standard error, in latin1. */
  #streams({ stdio, stdin, tty }: SandboxSpec, last: { text: string }): StreamTarget {
    if (stdio !== 'inherit') {
      const output = (stream: 1 | 2, data: Uint8Array): void => {
        if (stream === 2)
          last.text = (last.text + Buffer.from(data.subarray(-lastBytes)).toString('latin1')).slice(
            -lastBytes,
          );
        stdio(stream, data);
      };
      return { to: 'callback', output, input: stdin };
    }
    return { to: tty && this.#rung.terminal === 'ours' ? 'terminal' : 'inherit' };
  }

  #accompany(running: RunningChain, spec: SandboxSpec): (() => void) | undefined {
    spec.onStart?.(signal => running.send(signal));
    if (!spec.tty || this.#rung.terminal === 'ours') return undefined;
    return followSizeOf(() => running.processAt(this.#rung.depth + 1));
  }
}

function uppersOf({ upper, mounts }: SandboxSpec): { workDir: string }[] {
  const others = mounts.flatMap(mount => (mount.type === 'overlay' ? (mount.upper ?? []) : []));
  return upper === undefined ? others : [upper, ...others];
}

/** A mount that was made `volatile` once leaves a mark that forbids to use its work directory again. */
function makeReusable(workDir: string): void {
  rmSync(join(workDir, 'work'), { recursive: true, force: true });
}
