import { createHash, hash } from 'node:crypto';

/** A content digest in the form of the OCI image specification, descriptor.md#digests: `sha256:` and 64 hex digits. */
export type Digest = `sha256:${string}`;

/** The SHA-256 digest of the data. */
export function digestOf(data: string | Uint8Array): Digest {
  return `sha256:${hash('sha256', data, 'hex')}`;
}

/** A hash to feed piece by piece; end with {@link finishDigest}. */
export function startDigest(): ReturnType<typeof createHash> {
  return createHash('sha256');
}

export function finishDigest(running: ReturnType<typeof createHash>): Digest {
  return `sha256:${running.digest('hex')}`;
}

/** The 64 hex digits of a digest. */
export function digestHex(digest: Digest): string {
  return digest.slice('sha256:'.length);
}

export function isDigest(text: string): text is Digest {
  return /^sha256:[0-9a-f]{64}$/.test(text);
}
