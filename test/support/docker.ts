import { spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { peerStorage } from './memory.ts';
import { findProgram, needs } from './needs.ts';
import { type Outcome, run } from './program.ts';
import type { Workspace } from './workspace.ts';

/** Debian's own client knows BuildKit without a plugin; another one in the path may not. */
const client = findProgram('/usr/bin/docker') ?? 'docker';

/** What a test with a Docker engine of its own cannot do without. */
export const needsDocker = needs('root', 'dockerd', client, 'unshare');

/** A Docker engine for one file of tests: no network, no state that stays. */
export class Docker {
  readonly #directory: string;
  #started: Promise<void> | undefined;
  #stop: (() => Promise<void>) | undefined;

  constructor(work: Workspace) {
    work.atEnd(() => this.#stop?.());
    this.#directory = peerStorage(work, 'docker');
  }

  /** Its address, as `DOCKER_HOST` has it. */
  get host(): string {
    return `unix://${this.#path('socket')}`;
  }

  /** Runs `docker` with these words; the engine is started first if it does not run yet. */
  async try(...args: readonly string[]): Promise<Outcome> {
    return this.#run(args);
  }

  async #run(args: readonly string[], input?: string | Uint8Array): Promise<Outcome> {
    this.#started ??= this.#start();
    await this.#started;
    const env = {
      DOCKER_HOST: this.host,
      DOCKER_BUILDKIT: '1',
      DOCKER_CONFIG: this.#path('config'),
    };
    return run([client, ...args], { env, input });
  }

  async ok(...args: readonly string[]): Promise<string> {
    return this.feed(undefined, ...args);
  }

  /** The same with something on standard input. */
  async feed(input: string | Uint8Array | undefined, ...args: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await this.#run(args, input);
    if (code !== 0) throw new Error(`docker ${args.join(' ')} ended with ${code}:\n${stderr}`);
    return stdout;
  }

  #path(name: string): string {
    return join(this.#directory, name);
  }

  async #start(): Promise<void> {
    mkdirSync(this.#directory, { recursive: true });
    const log = openSync(this.#path('log'), 'a');
    const child = spawn(
      // It leaves mounts behind; in a namespace of its own they go with it.
      'unshare',
      [
        ...['--mount', findProgram('dockerd')!],
        ...['--iptables=false', '--ip6tables=false', '--bridge=none', '-H', `unix://${this.#path('socket')}`],
        ...[
          '--data-root',
          this.#path('data'),
          '--exec-root',
          this.#path('exec'),
          '--pidfile',
          this.#path('pid'),
        ],
      ],
      { stdio: ['ignore', log, log] },
    );
    closeSync(log);
    const ended = new Promise<void>(resolve => child.once('exit', () => resolve()));
    this.#stop = () => {
      child.kill('SIGTERM');
      return ended;
    };
    for (let tries = 0; tries < 150; tries++) {
      const { code } = await run([client, '-H', `unix://${this.#path('socket')}`, 'version']);
      if (code === 0) return;
      if (child.exitCode !== null) break;
      await sleep(200);
    }
    throw new Error(`dockerd does not answer:\n${readFileSync(this.#path('log'), 'utf8').slice(-2000)}`);
  }
}
