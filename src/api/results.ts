export { removeText, writeText } from '../exporter/destination.ts';
export { formatMetadata, imageId } from '../exporter/metadata.ts';
