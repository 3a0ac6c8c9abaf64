import type { BlobStore } from '../content/blobs.ts';
import { type Exported, exportBuild } from '../exporter/export.ts';
import type { Output } from '../exporter/outputs.ts';
import { exportServices } from '../exporter/services.ts';
import type { BuildOutcome } from '../exporter/types.ts';
import type { LayerStore } from '../snapshot/types.ts';
import type { Store } from '../store/store.ts';
import { registryAccess } from './registries.ts';
import type { Task } from './task.ts';

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
