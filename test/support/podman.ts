import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { peerStorage } from './memory.ts';
import { needs } from './needs.ts';
import { type Outcome, run } from './program.ts';
import type { Workspace } from './workspace.ts';

/** What a test with Podman cannot do without. */
export const needsPodman = needs('root', 'podman', 'conmon', 'runc', 'unshare');

/** Podman with storage of its own. */
export class Podman {
  readonly #directory: string;

  constructor(work: Workspace) {
    this.#directory = peerStorage(work, 'podman');
    mkdirSync(this.#directory, { recursive: true });
    writeFileSync(this.#policy, '{"default":[{"type":"insecureAcceptAnything"}]}');
  }

  get #policy(): string {
    return join(this.#directory, 'policy.json');
  }

  /** Runs `podman` with these words. */
  try(...words: readonly string[]): Promise<Outcome> {
    return this.#run(words);
  }

  #run(words: readonly string[], cwd?: string): Promise<Outcome> {
    const storage = ['--root', join(this.#directory, 'root'), '--runroot', join(this.#directory, 'run')];
    const machine = ['--storage-driver', 'overlay', '--runtime', 'runc', '--cgroup-manager', 'cgroupfs'];
    // It leaves mounts behind; in a namespace of its own they go with it.
    return run(['unshare', '--mount', 'podman', ...storage, ...machine, ...words], cwd ? { cwd } : {});
  }

  /** Takes an image in, from wherever it is; a layout in `cwd`, of whose path it makes a name in lower case. */
  pull(from: string, cwd?: string): Promise<Outcome> {
    return this.#run(
      ['pull', '--quiet', '--tls-verify=false', '--signature-policy', this.#policy, from],
      cwd,
    );
  }

  /** Starts what an image starts. */
  run(image: string): Promise<Outcome> {
    // Limits that need no privilege: its own are higher than a container of ours may have.
    const limits = ['--ulimit', 'nofile=1024:1024', '--ulimit', 'nproc=1024:1024'];
    return this.try('run', '--rm', '--pull', 'never', '--network', 'none', ...limits, image);
  }
}
