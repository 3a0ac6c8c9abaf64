import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { needs } from './needs.ts';
import { tool } from './program.ts';
import type { Workspace } from './workspace.ts';

/** What a test with Buildah cannot do without. */
export const needsBuildah = needs('root', 'buildah', 'runc', 'unshare');

/** Buildah with storage of its own. */
export class Buildah {
  readonly #directory: string;

  constructor(work: Workspace) {
    this.#directory = work.path('buildah');
  }

  /** Builds a Dockerfile with all its layers, and writes the image into a new OCI layout. */
  async build(context: string, layout: string, args: readonly string[]): Promise<void> {
    const policy = join(this.#directory, 'policy.json');
    mkdirSync(this.#directory, { recursive: true });
    writeFileSync(policy, '{"default":[{"type":"insecureAcceptAnything"}]}');
    const buildah = [
      // It leaves mounts behind; in a namespace of its own they go with it.
      ...[
        'unshare',
        '--mount',
        'env',
        'BUILDAH_ISOLATION=oci',
        'BUILDAH_RUNTIME=runc',
        'buildah',
        '--storage-driver',
        'overlay',
      ],
      ...['--root', join(this.#directory, 'root'), '--runroot', join(this.#directory, 'run')],
    ];
    const flags = ['--layers', '--network', 'host', '--format', 'docker', '--signature-policy', policy];
    await tool(...buildah, 'build', ...flags, '-t', 'built', ...args, context);
    await tool(...buildah, 'push', '--signature-policy', policy, 'built', `oci:${layout}:latest`);
  }
}
