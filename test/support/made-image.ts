import { gzipSync } from 'node:zlib';
import { type TarItem, writeTar } from '../../src/tar/writer.ts';
import { digestOf } from '../../src/util/digest.ts';
import type { Registry } from './registry.ts';

/** A layer to be: its blob, and what the config says that is in it. */
export interface MadeLayer {
  readonly blob: Uint8Array;
  readonly diffId?: string;
  readonly mediaType?: string;
}

/** Changes to what an image would be, each before its digest is taken. */
export interface Changes {
  config?(config: Record<string, unknown>): unknown;
  manifest?(manifest: Record<string, unknown>): unknown;
  /** A document around the manifest. */
  index?(entry: Record<string, unknown>): unknown;
}

const types = {
  config: 'application/vnd.oci.image.config.v1+json',
  manifest: 'application/vnd.oci.image.manifest.v1+json',
  index: 'application/vnd.oci.image.index.v1+json',
  layer: 'application/vnd.oci.image.layer.v1.tar+gzip',
};

/** Tar entries as a layer. */
export async function layerOf(items: readonly TarItem[]): Promise<MadeLayer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of writeTar(items)) chunks.push(chunk);
  return packed(Buffer.concat(chunks));
}

export function packed(tar: Uint8Array): MadeLayer {
  return { blob: gzipSync(tar, { level: 1 }), diffId: digestOf(tar) };
}

/** Puts an image into a registry by hand, so that it may be whatever no builder would make. */
export async function putImage(
  registry: Registry,
  repository: string,
  layers: readonly MadeLayer[],
  changes: Changes = {},
): Promise<void> {
  const base = `http://${registry.host}/v2/${repository}`;
  const put = async (url: string, body: Uint8Array, type: string): Promise<void> => {
    const response = await fetch(url, { method: 'PUT', body, headers: { 'content-type': type } });
    if (response.status !== 201) throw new Error(`${url}: ${response.status} ${await response.text()}`);
  };
  const blob = async (bytes: Uint8Array, mediaType: string): Promise<Record<string, unknown>> => {
    const digest = digestOf(bytes);
    const begun = await fetch(`${base}/blobs/uploads/`, { method: 'POST' });
    const place = new URL(begun.headers.get('location')!, base);
    place.searchParams.set('digest', digest);
    await put(place.href, bytes, 'application/octet-stream');
    return { mediaType, digest, size: bytes.length };
  };
  const described: Record<string, unknown>[] = [];
  for (const layer of layers) described.push(await blob(layer.blob, layer.mediaType ?? types.layer));
  const change = (
    document: Record<string, unknown>,
    by?: (document: Record<string, unknown>) => unknown,
  ): Buffer => {
    const changed = by?.(document) ?? document;
    return Buffer.from(typeof changed === 'string' ? changed : JSON.stringify(changed));
  };
  const diffIds = layers.map(layer => layer.diffId ?? digestOf(layer.blob));
  const platform = { os: 'linux', architecture: process.arch === 'arm64' ? 'arm64' : 'amd64' };
  const config = await blob(
    change({ ...platform, config: {}, rootfs: { type: 'layers', diff_ids: diffIds } }, changes.config),
    types.config,
  );
  const manifest = change(
    { schemaVersion: 2, mediaType: types.manifest, config, layers: described },
    changes.manifest,
  );
  const digest = digestOf(manifest);
  if (changes.index === undefined) return put(`${base}/manifests/1`, manifest, types.manifest);
  await put(`${base}/manifests/${digest}`, manifest, types.manifest);
  const entry = { mediaType: types.manifest, digest, size: manifest.length, platform };
  await put(`${base}/manifests/1`, change(entry, changes.index), types.index);
}
