import type { BlobStore } from '../content/blobs.ts';
import { type Exported, exportBuild } from '../exporter/export.ts';
import { exportServices } from '../exporter/services.ts';
import type { BuildOutcome, Output } from '../exporter/types.ts';
import type { ProgressSink } from '../progress/types.ts';
import type { LayerStore } from '../snapshot/types.ts';
import type { Store } from '../store/store.ts';
import { registryAccess } from './registries.ts';
import { Task } from './task.ts';

export interface OutputServices {
  store: Store;
  blobs: BlobStore;
  layers: LayerStore;
  /** Throws where this process may not read layers yet. */
  beforeWork(): void;
  signal: AbortSignal;
}

/** Writes the result of a build to one place. */
export async function writeOutput(
  { store, layers, beforeWork, signal }: OutputServices,
  outcome: BuildOutcome,
  output: Output,
  task: Task,
): Promise<Exported> {
  const access = registryAccess(process.env, signal);
  const services = exportServices(store, layers, {
    beforeRead: beforeWork,
    registries: access.open,
    signal,
    status: (id, current, total) => task.status(id, current, total),
  });
  try {
    return await exportBuild(services, layers, outcome, output, { names: output.names });
  } finally {
    await access.close();
  }
}

/** Writes the result of a build to one place after another, each shown as a step. */
export async function writeOutputs(
  services: OutputServices & { readonly progress: ProgressSink },
  outcome: BuildOutcome,
  outputs: readonly Output[],
): Promise<Exported[]> {
  const written: Exported[] = [];
  for (const output of outputs)
    written.push(
      await Task.run(services.progress, titleOf(output), task =>
        writeOutput(services, outcome, output, task),
      ),
    );
  return written;
}

function titleOf(output: Output): string {
  switch (output.type) {
    case 'oci':
      return 'exporting to oci image format';
    case 'docker':
      return 'exporting to docker image format';
    case 'tar':
      return 'exporting to client tarball';
    case 'local':
      return 'exporting to client directory';
    case 'cacheonly':
      return 'keeping the result in the cache';
    default:
      return 'exporting to image';
  }
}
