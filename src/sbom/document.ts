import { digestOf } from '../util/digest.ts';
import { purlOf } from './purl.ts';
import type { Location } from './types.ts';

/** What a bill of materials is of, and who made it when. */
export interface DocumentOptions {
  /** The image's familiar name, or another text for people. */
  readonly name: string;
  /** Of the image's manifest. */
  readonly digest?: string | undefined;
  /** diffIDs of the layers, base first. */
  readonly layers: readonly string[];
  readonly architecture?: string | undefined;
  /** When it was made: RFC 3339, whole seconds. No clock is asked, so that an image has one document. */
  readonly created: string;
  /** The version of this program. */
  readonly version: string;
}

/** The image's own package URL; nothing for what has no digest. */
export function imagePurl({ name, digest, architecture }: DocumentOptions): string | undefined {
  if (digest === undefined) return undefined;
  const repository = name.replace(/@.*$/, '').replace(/:[^/:]*$/, '');
  const last = repository.split('/').at(-1)!.toLowerCase();
  if (last === '' || /^sha256/.test(repository)) return undefined;
  return purlOf(
    'oci',
    { name: last, version: digest },
    { arch: architecture, repository_url: repository.includes('/') ? repository : undefined },
  );
}

/** A UUID that is made of a document's content, in the form of RFC 9562's version 8. */
export function uuidOf(content: object): string {
  const hex = digestOf(JSON.stringify(content)).slice('sha256:'.length);
  const variant = ((Number.parseInt(hex[16]!, 16) & 3) | 8).toString(16);
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `8${hex.slice(13, 16)}`,
    variant + hex.slice(17, 20),
    hex.slice(20, 32),
  ].join('-');
}

/** The diffID of the layer that brought it. */
export function layerOfLocation({ layer }: Location, { layers }: DocumentOptions): string | undefined {
  return layer === undefined ? undefined : layers[layer];
}
