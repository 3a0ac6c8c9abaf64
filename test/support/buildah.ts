import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { peerStorage } from './memory.ts';
import { needs } from './needs.ts';
import { type Outcome, run } from './program.ts';
import type { Workspace } from './workspace.ts';

/** What a test with Buildah cannot do without. */
export const needsBuildah = needs('root', 'buildah', 'runc', 'unshare');

/** Buildah with storage of its own. */
export class Buildah {
  readonly #directory: string;
  readonly #policy: string;

  constructor(work: Workspace) {
    this.#directory = peerStorage(work, 'buildah');
    this.#policy = join(this.#directory, 'policy.json');
    mkdirSync(this.#directory, { recursive: true });
    writeFileSync(this.#policy, '{"default":[{"type":"insecureAcceptAnything"}]}');
  }

  /** Builds a Dockerfile into an image with one more layer than its base. */
  tryBuild(context: string, tag: string, flags: readonly string[]): Promise<Outcome> {
    // For what only Docker's images know.
    const format = ['--format', 'docker', '--network', 'host'];
    return this.#try('build', ...format, '-t', tag, ...flags, context);
  }

  async build(context: string, tag: string, flags: readonly string[]): Promise<void> {
    const { code, stdout, stderr } = await this.tryBuild(context, tag, flags);
    if (code !== 0) throw new Error(`buildah build ended with ${code}:\n${stdout}${stderr}`);
  }

  /** Takes the image of an archive that `docker load` takes. */
  async load(archive: string): Promise<void> {
    await this.#ok('pull', `docker-archive:${archive}`);
  }

  /** Writes an image into an archive as `docker save` does: other forms lack what only Docker's images know. */
  async save(tag: string, archive: string): Promise<void> {
    await this.#ok('push', tag, `docker-archive:${archive}:${tag}`);
  }

  async #ok(command: string, ...args: readonly string[]): Promise<void> {
    const { code, stdout, stderr } = await this.#try(command, ...args);
    if (code !== 0) throw new Error(`buildah ${command} ended with ${code}:\n${stdout}${stderr}`);
  }

  #try(command: string, ...args: readonly string[]): Promise<Outcome> {
    return this.try(command, '--signature-policy', this.#policy, ...args);
  }

  /** Runs `buildah` with these words. */
  try(...words: readonly string[]): Promise<Outcome> {
    const storage = ['--root', join(this.#directory, 'root'), '--runroot', join(this.#directory, 'run')];
    const env = { BUILDAH_ISOLATION: 'oci', BUILDAH_RUNTIME: 'runc' };
    // It leaves mounts behind; in a namespace of its own they go with it.
    return run(['unshare', '--mount', 'buildah', '--storage-driver', 'overlay', ...storage, ...words], {
      env,
    });
  }
}
