import { mkdirSync, writeFileSync } from 'node:fs';
import { Daemon } from './daemon.ts';
import { needs } from './needs.ts';
import { type Outcome, run } from './program.ts';
import type { Workspace } from './workspace.ts';

/** What a test with containerd cannot do without. */
export const needsContainerd = needs('root', 'containerd', 'ctr', 'unshare');

/** A containerd of the tests' own, asked through its client `ctr`. */
export class Containerd {
  readonly #daemon: Daemon;

  constructor(work: Workspace) {
    this.#daemon = new Daemon(work, {
      name: 'containerd',
      command: daemon => ['containerd', '--config', writeConfig(daemon)],
      answers: async () => (await this.#ctr(['version'])).code === 0,
      pause: 100,
    });
  }

  /** Runs `ctr` with these words; containerd is started first if it does not run yet. */
  async try(...words: readonly string[]): Promise<Outcome> {
    await this.#daemon.started();
    return this.#ctr(words);
  }

  /** The content of a file in an image. */
  async read(image: string, path: string): Promise<Outcome> {
    const place = this.#daemon.path('mounted');
    mkdirSync(place, { recursive: true });
    const ctr = `ctr --address ${this.#daemon.path('socket')}`;
    const script = `${ctr} images mount ${image} ${place} >/dev/null && cat ${place}${path} && umount ${place} && ${ctr} snapshots rm ${place}`;
    return run(['unshare', '--mount', 'sh', '-c', script]);
  }

  #ctr(words: readonly string[]): Promise<Outcome> {
    return run(['ctr', '--address', this.#daemon.path('socket'), ...words]);
  }
}

function writeConfig(daemon: Daemon): string {
  const file = daemon.path('config.toml');
  const config = [
    'version = 2',
    `root = "${daemon.path('root')}"`,
    `state = "${daemon.path('state')}"`,
    'disabled_plugins = ["io.containerd.grpc.v1.cri"]',
    '[grpc]',
    `address = "${daemon.path('socket')}"`,
  ];
  writeFileSync(file, config.join('\n'));
  return file;
}
