import type { Output } from '../exporter/types.ts';
import { LayerLost } from '../image/remote-layer.ts';
import { mediaTypes } from '../image/types.ts';
import type { ResultLayers } from '../snapshot/types.ts';
import type { Wants } from '../solver/solver.ts';
import type { BuildRequest } from './request.ts';

/**
 * What a build wants of its results. What only goes to a registry or a cache need not come for that, where it lies in a
 * shared cache, or is a part of a base image.
 */
export function wantedBy(request: BuildRequest, outputs: readonly Output[]): Wants {
  const { attestations, cacheFrom = [], cacheTo = [], checks } = request;
  if (checks?.level === 'advice' || attestations?.sbom) return 'files';
  if (cacheTo.some(({ type, ...to }) => type !== 'inline' && 'forceCompression' in to && to.forceCompression))
    return 'files';
  if (!outputs.every(takesLayers)) return 'files';
  const isImage = outputs.some(({ type }) => type !== 'cacheonly');
  if (isImage || cacheTo.some(({ mode }) => mode === 'min')) return 'layers';
  return cacheFrom.length > 0 ? 'nothing' : 'files';
}

/** Whether an output takes layers that lie elsewhere as they are. */
function takesLayers({ type, store, push, unpack, image }: Output): boolean {
  if (type === 'cacheonly') return true;
  const isOnlyPushed = type === 'registry' || (type === 'image' && push && !store);
  return (
    isOnlyPushed &&
    !unpack &&
    !image.forceCompression &&
    !(image.rewriteTimestamp && image.epoch !== undefined)
  );
}

/** Whether layers can be written as they lie elsewhere: not where one has no compression that was asked for. */
export function isFit(layers: ResultLayers, outputs: readonly Output[]): boolean {
  return layers.every(
    layer =>
      typeof layer === 'string' ||
      layer.descriptor.mediaType !== mediaTypes.layer ||
      outputs.every(({ image }) => image.compression.type === 'uncompressed'),
  );
}

/** Whether a layer that lies elsewhere is why something failed. */
export function isLayerLost(error: unknown): boolean {
  return error instanceof LayerLost || (error instanceof Error && isLayerLost(error.cause));
}
