import type { LayerId, LayerStore } from '../snapshot/types.ts';
import { blobsOf } from '../store/blobs.ts';
import type { Store } from '../store/store.ts';
import type { ExportServices } from './types.ts';

/** What exporters need, of a store and its layers. */
export function exportServices(
  store: Store,
  layers: LayerStore,
  options: Pick<ExportServices, 'beforeRead' | 'registries' | 'signal' | 'status'> = {},
): ExportServices {
  return {
    ...options,
    store,
    blobs: blobsOf(store),
    async *pack(layer: LayerId, { latestTime, signal }) {
      options.beforeRead?.();
      // Only loaded where something is packed: most builds find every layer as a blob.
      const { packLayer } = await import('../snapshot/pack.ts');
      yield* packLayer(layers.dir(layer), { latestTime, signal });
    },
  };
}
