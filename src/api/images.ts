export { collectIfFull } from '../store/collection.ts';
export { isUntagged, listRecords, tagImage } from '../store/images.ts';
export {
  type HistoryLine,
  type ImageInspection,
  type ImageSummary,
  imageHistory,
  inspectImage,
  listImages,
} from '../store/inspect.ts';
export type { Owner, OwnerType } from '../store/owners.ts';
export { type Pruned, type PruneOptions, pruneStore } from '../store/prune.ts';
export { type Removed, removeImage } from '../store/remove.ts';
export { type Filter, parseFilter, type StorageLimits } from '../store/selection.ts';
export { defaultStoreRoot, openStore, type Store } from '../store/store.ts';
export { measureStore, type StoreUsage, type Usage, type UsedItem } from '../store/usage.ts';
