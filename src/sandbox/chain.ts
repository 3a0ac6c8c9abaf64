import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { isErrno, StagecraftError } from '../util/errors.ts';
import type { HandedFiles } from './handed.ts';
import { openStreams, type Streams, type StreamTarget } from './streams.ts';

/** Milliseconds between asking processes to end and ending them. */
const grace = 200;

/** A shell script to run in namespaces of its own, which die with this process. */
export interface Chain {
  readonly script: string;
  /** How many processes deep below unshare's the one is that takes signals: 1 is the script's own. */
  readonly depth: number;
  /** The directory in which the script starts. */
  readonly cwd: string;
  /** Files that the script inherits; it becomes one of them. */
  readonly files: HandedFiles;
  readonly streams: StreamTarget;
  readonly signal?: AbortSignal | undefined;
  /** Called when the chain is started. */
  readonly onStart?: ((running: RunningChain) => (() => void) | undefined) | undefined;
}

/** A chain while it runs. */
export interface RunningChain {
  /** Sends a signal to the sandboxed process. */
  send(signal: NodeJS.Signals): void;
  /** The process so many deep below unshare's, if there is one yet: 1 is the script's own. */
  processAt(depth: number): number | undefined;
}

export interface ChainEnd {
  readonly code: number;
  readonly aborted: boolean;
}

/**
 * Runs a script as process 1 of a new process namespace and in a new mount namespace. When this process dies, however
 * it dies, the kernel kills setpriv's process (it asked for that), then process 1 of the namespace (unshare asked for
 * that), and with it all others and all mounts. The script's first line closes the gap before these requests.
 */
export async function runChain(chain: Chain): Promise<ChainEnd> {
  if (chain.signal?.aborted) throw cancelled();
  const streams = openStreams(chain.streams);
  // Still sees the old /proc: if this process is gone already, nobody would end what follows.
  const script = chain.files.add(`[ -d /proc/${process.pid} ] || exit 1\n${chain.script}`);
  try {
    const child = spawn('setpriv', [...dyingWithParent, 'sh', script], {
      cwd: chain.cwd,
      env: toolEnvironment(),
      stdio: [...streams.stdio, ...chain.files.fds],
      // A group of its own keeps the terminal's Ctrl-C from reaching a build's steps before this process acts on it.
      detached: chain.streams.to === 'callback',
    });
    streams.started();
    return await whileRunning(child, chain, streams);
  } finally {
    streams.close();
  }
}

async function whileRunning(child: ChildProcess, chain: Chain, streams: Streams): Promise<ChainEnd> {
  const ended = exitOf(child);
  const running: RunningChain = {
    send: signal => sendTo(child, chain.depth, signal),
    processAt: depth => processAt(child, depth),
  };
  let killer: NodeJS.Timeout | undefined;
  const abort = (): void => {
    running.send('SIGTERM');
    // unshare ends by itself, after everything in the namespace has ended and all mounts are gone.
    killer = setTimeout(() => {
      streams.mute();
      sendTo(child, 1, 'SIGKILL');
    }, grace);
  };
  chain.signal?.addEventListener('abort', abort, { once: true });
  const stop = chain.onStart?.(running);
  try {
    const code = await ended;
    await streams.drained();
    return { code, aborted: chain.signal?.aborted === true };
  } finally {
    stop?.();
    clearTimeout(killer);
    chain.signal?.removeEventListener('abort', abort);
  }
}

/** The exit code, 128 + signal when a signal ended it. */
function exitOf(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    child.once('error', cause =>
      reject(
        new StagecraftError('unsupported', `The sandbox could not be started: ${cause.message}.`, {
          hint: 'It needs setpriv and unshare of util-linux.',
          cause,
        }),
      ),
    );
    child.once('exit', (code, signal) => resolve(code ?? 128 + constants.signals[signal!]));
  });
}

export function cancelled(): StagecraftError {
  return new StagecraftError('cancelled', 'The step was cancelled.');
}

/** New namespaces whose processes end with this process, as arguments of setpriv(1). */
const dyingWithParent = ['--pdeathsig', 'KILL', 'unshare', '--mount', '--pid', '--fork', '--kill-child'];

/** What the tools of the chain need; nothing of it reaches the sandboxed process. */
function toolEnvironment(): NodeJS.ProcessEnv {
  return {
    PATH: `/usr/sbin:/usr/bin:/sbin:/bin:${process.env.PATH ?? ''}`,
    LC_ALL: 'C',
    // The new mount interface takes no more than 256 bytes of an option.
    LIBMOUNT_FORCE_MOUNT2: 'always',
  };
}

function sendTo(child: ChildProcess, depth: number, signal: NodeJS.Signals): void {
  const pid = processAt(child, depth);
  try {
    if (pid !== undefined) process.kill(pid, signal);
    else if (signal === 'SIGKILL') child.kill(signal);
  } catch (error) {
    if (!isErrno(error, 'ESRCH')) throw error;
  }
}

/** The process so many deep below unshare's, if things have got so far. */
function processAt(child: ChildProcess, depth: number): number | undefined {
  if (child.exitCode !== null || child.signalCode !== null) return undefined;
  let pid = child.pid;
  for (let level = 0; level < depth && pid !== undefined; level++) pid = onlyChild(pid);
  return pid;
}

function onlyChild(pid: number): number | undefined {
  try {
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1').trim();
    return children === '' ? undefined : Number(children);
  } catch {
    // Ended meanwhile, or a kernel without CONFIG_PROC_CHILDREN.
    return undefined;
  }
}
