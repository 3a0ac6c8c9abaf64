import { recoverLayers } from '../snapshot/layer-store.ts';
import { holdIdMapping } from '../store/id-mapping.ts';
import type { Store } from '../store/store.ts';
import { requireNamespace } from './namespace.ts';

/**
 * What a build asks before it runs, unpacks or writes anything: whether this process may do so. The first time it
 * also makes sure that owners in the store mean the same here, and clears away the drafts of processes that died.
 */
export function workGate(store: Store): () => void {
  let isOpen = false;
  return () => {
    if (isOpen) return;
    requireNamespace();
    holdIdMapping(store);
    recoverLayers(store);
    isOpen = true;
  };
}
