import { spawn } from 'node:child_process';
import { StagecraftError } from '../util/errors.ts';

/** Variables and settings for one remote: how to reach it, and what it is told. */
export interface GitAccess {
  readonly env: Readonly<Record<string, string>>;
  /** Settings that git finds in its environment, as arguments show to all users of the machine. */
  readonly config: readonly (readonly [key: string, value: string])[];
}

export interface GitPlace {
  /** Where it runs. */
  readonly cwd: string;
  readonly gitDir?: string | undefined;
  readonly workTree?: string | undefined;
  /** Another file than the repository's own. */
  readonly index?: string | undefined;
}

/** Told how many bytes have come; of how many, at the end. */
type TellBytes = (part: string, current: number, total?: number) => void;

/** A git command that ended with an error. */
export class GitFailure extends Error {
  readonly stderr: string;

  constructor(args: readonly string[], code: number | null, stderr: string) {
    super(`git ${args[0]} ended with ${code}: ${stderr.trim()}`);
    this.stderr = stderr;
  }
}

/**
 * Holds for every command: nothing of the user's or the machine's configuration, no hooks, no prompts, no protocols but
 * those of {@link isRemote}; a repository is only packed when it is made anew.
 */
const settings: readonly (readonly [string, string])[] = [
  ['protocol.allow', 'never'],
  ['protocol.http.allow', 'always'],
  ['protocol.https.allow', 'always'],
  ['protocol.ssh.allow', 'always'],
  ['protocol.git.allow', 'always'],
  // Not for submodules: a repository must not name others of this machine.
  ['protocol.file.allow', 'user'],
  ['core.hooksPath', '/dev/null'],
  ['core.fsmonitor', 'false'],
  ['core.logAllRefUpdates', 'false'],
  ['core.symlinks', 'true'],
  ['core.fileMode', 'true'],
  ['init.defaultBranch', 'master'],
  ['advice.detachedHead', 'false'],
  ['gc.auto', '0'],
  ['maintenance.auto', 'false'],
  // The same packs on machines with any number of processors.
  ['pack.threads', '1'],
  // A transfer that stands still for a minute is lost.
  ['http.lowSpeedLimit', '1'],
  ['http.lowSpeedTime', '60'],
];

/** The exit code that says that there is no git. */
const absent = 127;

/** Sets the mask for new files, which every checkout shall have, and sees that git ends when this process dies. */
const script = `command -v git >/dev/null || exit ${absent}; umask 022
command -v setpriv >/dev/null && exec setpriv --pdeathsig TERM git "$@"; exec git "$@"`;

/** Milliseconds that a stopped git has to end by itself. */
const grace = 5_000;

/** Runs the system's git in an environment of its own. */
export class Git {
  readonly #env: NodeJS.ProcessEnv;
  readonly #place: GitPlace;
  readonly #access: GitAccess;
  readonly #signal: AbortSignal;
  readonly #tell: TellBytes;

  /**
   * @param env of which the search path and the like are taken
   * @param tell told how far a transfer is
   */
  constructor(
    env: NodeJS.ProcessEnv,
    place: GitPlace,
    access: GitAccess,
    signal: AbortSignal,
    tell: TellBytes = () => {},
  ) {
    this.#env = env;
    this.#place = place;
    this.#access = access;
    this.#signal = signal;
    this.#tell = tell;
  }

  at(place: GitPlace): Git {
    return new Git(this.#env, place, this.#access, this.#signal, this.#tell);
  }

  /**
   * Runs a command; returns what it prints.
   * @throws GitFailure when it ends with an error; StagecraftError `unsupported` where there is no git
   */
  async run(...args: readonly string[]): Promise<string> {
    this.#signal.throwIfAborted();
    const { cwd, gitDir, workTree } = this.#place;
    const words = [
      ...(gitDir === undefined ? [] : [`--git-dir=${gitDir}`]),
      ...(workTree === undefined ? [] : [`--work-tree=${workTree}`]),
      ...args,
    ];
    // A session of its own has no terminal that something could ask questions on, and can be stopped with all in it.
    const child = spawn('sh', ['-c', script, 'git', ...words], {
      cwd,
      env: this.#environment(),
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const { promise, resolve, reject } = Promise.withResolvers<number | null>();
    child.once('error', reject);
    child.once('close', code => resolve(code));
    const stop = (): void => {
      kill(child.pid, 'SIGTERM');
      const timer = setTimeout(() => kill(child.pid, 'SIGKILL'), grace);
      child.once('close', () => clearTimeout(timer));
    };
    this.#signal.addEventListener('abort', stop, { once: true });
    const output: Buffer[] = [];
    let stderr = '';
    child.stdout.on('data', (chunk: Buffer) => output.push(chunk));
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr = (stderr + text).slice(-64_000);
      this.#read(text);
    });
    const code = await promise.finally(() => this.#signal.removeEventListener('abort', stop));
    this.#signal.throwIfAborted();
    if (code === absent)
      throw new StagecraftError(
        'unsupported',
        'The program git, which reads repositories, is not installed.',
        {
          hint: 'Install the package git.',
        },
      );
    if (code !== 0) throw new GitFailure(args, code, stderr);
    return Buffer.concat(output).toString('utf8');
  }

  /** Whether a command ends well. */
  async succeeds(...args: readonly string[]): Promise<boolean> {
    try {
      await this.run(...args);
      return true;
    } catch (error) {
      if (error instanceof GitFailure) return false;
      throw error;
    }
  }

  #environment(): Record<string, string> {
    const { cwd, index } = this.#place;
    const config = [...settings, ...this.#access.config];
    return {
      PATH: this.#env.PATH ?? '/usr/bin:/bin',
      LC_ALL: 'C',
      HOME: '/dev/null',
      GIT_CONFIG_NOSYSTEM: '1',
      GIT_CONFIG_GLOBAL: '/dev/null',
      GIT_ATTR_NOSYSTEM: '1',
      GIT_TEMPLATE_DIR: '',
      GIT_TERMINAL_PROMPT: '0',
      // Where none is named no repository around this place is meant.
      GIT_CEILING_DIRECTORIES: cwd.slice(0, cwd.lastIndexOf('/')) || '/',
      ...(index !== undefined && { GIT_INDEX_FILE: index }),
      ...this.#access.env,
      GIT_CONFIG_COUNT: String(config.length),
      ...Object.fromEntries(
        config.flatMap(([key, value], i) => [
          [`GIT_CONFIG_KEY_${i}`, key],
          [`GIT_CONFIG_VALUE_${i}`, value],
        ]),
      ),
    };
  }

  /** Lines such as `Receiving objects:  45% (9/20), 1.20 MiB | 3.00 MiB/s`. */
  #read(text: string): void {
    for (const [, size, unit, end] of text.matchAll(
      /Receiving objects: [^,\r\n]*, ([\d.]+) (bytes|KiB|MiB|GiB)[^\r\n]*?(done)?[.\s]*[\r\n]/g,
    )) {
      const bytes = Math.round(Number(size) * 1024 ** ['bytes', 'KiB', 'MiB', 'GiB'].indexOf(unit!));
      this.#tell('receiving objects', bytes, end === undefined ? undefined : bytes);
    }
  }
}

/** Ends a process with all it started. */
function kill(pid: number | undefined, signal: NodeJS.Signals): void {
  try {
    if (pid !== undefined) process.kill(-pid, signal);
  } catch {
    // It is gone.
  }
}
