import type { Digest } from '../util/digest.ts';
import { StagecraftError } from '../util/errors.ts';
import type { BlobStore } from './blobs.ts';
import type { StoredBlob } from './writer.ts';

/** The longest manifest, index or config that is accepted: what registries take at most, in bytes. */
export const documentLimit = 4 << 20;

/**
 * A JSON document of the store, verified, as an unchecked value.
 * @throws StagecraftError `not-found`, or `integrity` where it is damaged, too long or no JSON object
 */
export function readJson(blobs: BlobStore, digest: Digest): Record<string, unknown> {
  return parseJson(blobs.read(digest, documentLimit), `The blob ${digest}`);
}

/** How deep values may lie in one another: whoever walks them does so by recursion. Documents have some ten levels. */
const deepest = 1000;

/** Bytes to a JSON object; `what` begins the sentence of the error. @throws StagecraftError `integrity` */
export function parseJson(bytes: Uint8Array, what: string): Record<string, unknown> {
  return asObject(parseJsonValue(bytes, what), what);
}

/** Bytes to any JSON value. @throws StagecraftError `integrity` */
export function parseJsonValue(bytes: Uint8Array, what: string): unknown {
  if (isDeep(bytes))
    throw new StagecraftError('integrity', `${what} is nested more than ${deepest} levels deep.`);
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (error) {
    throw new StagecraftError('integrity', `${what} is not JSON: ${(error as Error).message}.`, {
      cause: error,
    });
  }
}

/** Whether brackets are open more than {@link deepest} times at once; of what is no JSON it may say either. */
function isDeep(bytes: Uint8Array): boolean {
  if (bytes.length <= deepest) return false;
  let depth = 0;
  let isText = false;
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at];
    if (isText) {
      if (byte === 0x5c) at++;
      else if (byte === 0x22) isText = false;
    } else if (byte === 0x22) isText = true;
    else if (byte === 0x5b || byte === 0x7b) {
      if (++depth > deepest) return true;
    } else if (byte === 0x5d || byte === 0x7d) depth--;
  }
  return false;
}

/** A JSON value that must be an object. @throws StagecraftError `integrity` */
export function asObject(value: unknown, what: string): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new StagecraftError('integrity', `${what} is not a JSON object.`);
  return value as Record<string, unknown>;
}

/** Stores a document, byte for byte as Go has it, so that equal images are equal whoever made them. */
export function putJson(blobs: BlobStore, document: object, indent = 2): StoredBlob {
  // Go writes these so that JSON may stand within HTML and JavaScript.
  const asCode = (sign: string): string => `\\u${sign.charCodeAt(0).toString(16).padStart(4, '0')}`;
  return blobs.put(JSON.stringify(document, null, indent).replace(/[<>&\u2028\u2029]/g, asCode));
}
