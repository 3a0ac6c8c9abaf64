import { Daemon } from './daemon.ts';
import { findProgram, needs } from './needs.ts';
import { type Outcome, run } from './program.ts';
import type { Workspace } from './workspace.ts';

/** Debian's own client knows BuildKit without a plugin; another one in the path may not. */
const client = findProgram('/usr/bin/docker') ?? 'docker';

/** What a test with a Docker engine of its own cannot do without. */
export const needsDocker = needs('root', 'dockerd', client, 'unshare');

/** A Docker engine for one file of tests: no network, no state that stays. */
export class Docker {
  readonly #daemon: Daemon;

  constructor(work: Workspace) {
    this.#daemon = new Daemon(work, {
      name: 'docker',
      command: daemon => [
        ...[findProgram('dockerd')!, '--iptables=false', '--ip6tables=false', '--bridge=none'],
        ...['-H', `unix://${daemon.path('socket')}`, '--data-root', daemon.path('data')],
        ...['--exec-root', daemon.path('exec'), '--pidfile', daemon.path('pid')],
      ],
      answers: async () => (await run([client, '-H', this.host, 'version'])).code === 0,
      pause: 200,
    });
  }

  /** Its address, as `DOCKER_HOST` has it. */
  get host(): string {
    return `unix://${this.#daemon.path('socket')}`;
  }

  /** Runs `docker` with these words; the engine is started first if it does not run yet. */
  async try(...args: readonly string[]): Promise<Outcome> {
    return this.#run(args);
  }

  async #run(args: readonly string[], input?: string | Uint8Array): Promise<Outcome> {
    await this.#daemon.started();
    const env = {
      DOCKER_HOST: this.host,
      DOCKER_BUILDKIT: '1',
      DOCKER_CONFIG: this.#daemon.path('config'),
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
}
