import { spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { peerStorage } from './memory.ts';
import type { Workspace } from './workspace.ts';

/** How one daemon differs from others. */
export interface DaemonKind {
  readonly name: string;
  /** The command that runs it, with all its files in the daemon's directory. */
  readonly command: (daemon: Daemon) => readonly string[];
  /** Whether it is ready. */
  readonly answers: (daemon: Daemon) => Promise<boolean>;
  /** Milliseconds between two of the 150 times that it is asked. */
  readonly pause: number;
}

/** A server of the tests' own with storage of its own, started when it is needed first and ended with the workspace. */
export class Daemon {
  readonly #kind: DaemonKind;
  readonly #directory: string;
  #started: Promise<void> | undefined;
  #stop: (() => Promise<void>) | undefined;

  constructor(work: Workspace, kind: DaemonKind) {
    this.#kind = kind;
    // It ends before its storage goes.
    work.atEnd(() => this.#stop?.());
    this.#directory = peerStorage(work, kind.name);
  }

  path(name: string): string {
    return join(this.#directory, name);
  }

  /** Done as soon as it answers. */
  started(): Promise<void> {
    this.#started ??= this.#start();
    return this.#started;
  }

  async #start(): Promise<void> {
    const { command, answers, pause } = this.#kind;
    mkdirSync(this.#directory, { recursive: true });
    const words = command(this);
    const log = openSync(this.path('log'), 'a');
    // It leaves mounts behind; in a namespace of its own they go with it.
    const child = spawn('unshare', ['--mount', ...words], { stdio: ['ignore', log, log] });
    closeSync(log);
    const ended = new Promise<void>(resolve => child.once('exit', () => resolve()));
    this.#stop = () => {
      child.kill('SIGTERM');
      return ended;
    };
    for (let tries = 0; tries < 150; tries++) {
      if (await answers(this)) return;
      if (child.exitCode !== null) break;
      await sleep(pause);
    }
    throw new Error(`${words[0]} does not answer:\n${readFileSync(this.path('log'), 'utf8').slice(-2000)}`);
  }
}
