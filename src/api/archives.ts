export type { ArchiveFormat } from '../exporter/archive.ts';
export { saveImages } from '../exporter/save.ts';
export { familiarName } from '../image/reference.ts';
export { type LoadedImage, loadImages } from '../source/archive.ts';
export { openStore } from '../store/store.ts';
