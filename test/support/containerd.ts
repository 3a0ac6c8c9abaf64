import { spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { peerStorage } from './memory.ts';
import { needs } from './needs.ts';
import { type Outcome, run } from './program.ts';
import type { Workspace } from './workspace.ts';

/** What a test with containerd cannot do without. */
export const needsContainerd = needs('root', 'containerd', 'ctr', 'unshare');

/** A containerd of the tests' own, asked through its client `ctr`. */
export class Containerd {
  readonly #directory: string;
  #started: Promise<void> | undefined;
  #stop: (() => Promise<void>) | undefined;

  constructor(work: Workspace) {
    work.atEnd(() => this.#stop?.());
    this.#directory = peerStorage(work, 'containerd');
  }

  /** Runs `ctr` with these words; containerd is started first if it does not run yet. */
  async try(...words: readonly string[]): Promise<Outcome> {
    this.#started ??= this.#start();
    await this.#started;
    return this.#ctr(words);
  }

  /** The content of a file in an image. */
  async read(image: string, path: string): Promise<Outcome> {
    const place = this.#path('mounted');
    mkdirSync(place, { recursive: true });
    const ctr = `ctr --address ${this.#path('socket')}`;
    const script = `${ctr} images mount ${image} ${place} >/dev/null && cat ${place}${path} && umount ${place} && ${ctr} snapshots rm ${place}`;
    return run(['unshare', '--mount', 'sh', '-c', script]);
  }

  #ctr(words: readonly string[]): Promise<Outcome> {
    return run(['ctr', '--address', this.#path('socket'), ...words]);
  }

  #path(name: string): string {
    return join(this.#directory, name);
  }

  async #start(): Promise<void> {
    mkdirSync(this.#directory, { recursive: true });
    const config = [
      'version = 2',
      `root = "${this.#path('root')}"`,
      `state = "${this.#path('state')}"`,
      'disabled_plugins = ["io.containerd.grpc.v1.cri"]',
      '[grpc]',
      `address = "${this.#path('socket')}"`,
    ];
    writeFileSync(this.#path('config.toml'), config.join('\n'));
    const log = openSync(this.#path('log'), 'a');
    const words = ['--mount', 'containerd', '--config', this.#path('config.toml')];
    const child = spawn('unshare', words, { stdio: ['ignore', log, log] });
    closeSync(log);
    const ended = new Promise<void>(resolve => child.once('exit', () => resolve()));
    this.#stop = () => {
      child.kill('SIGTERM');
      return ended;
    };
    for (let tries = 0; tries < 150; tries++) {
      if ((await this.#ctr(['version'])).code === 0) return;
      if (child.exitCode !== null) break;
      await sleep(100);
    }
    throw new Error(`containerd does not answer:\n${readFileSync(this.#path('log'), 'utf8').slice(-2000)}`);
  }
}
