import type { Reference } from '../../image/reference.ts';
import type { RepositoryClient } from '../../registry/client.ts';
import type { Registries } from '../../registry/registries.ts';
import { hasBlob, uploadBlob, uploadManifest } from '../../registry/upload.ts';
import type { Digest } from '../../util/digest.ts';
import { forEachAtOnce } from '../../util/parallel.ts';
import { once } from '../../util/streams.ts';
import { type CacheSource, type ManifestForm, writeManifest } from '../manifest.ts';
import type { CacheTarget } from '../target.ts';

/** Uploads at once. */
const atOnce = 4;

export interface RegistryPlace {
  readonly registries: Registries;
  readonly reference: Reference;
  readonly insecure?: boolean | undefined;
  /** Another repository of the registry that may have a layer. */
  mountFrom?(digest: Digest): string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** A cache in a registry. It is read past all mirrors: it changes with each build, and they lag behind. */
export function registrySource({ registries, reference, insecure }: RegistryPlace): CacheSource {
  let opened: Promise<RepositoryClient> | undefined;
  const client = (): Promise<RepositoryClient> => {
    opened ??= registries.repository(reference, 'pull', insecure);
    return opened;
  };
  return {
    repository: reference,
    async manifest(digest) {
      const { bytes } = await (await client()).manifest(digest ?? reference.digest ?? reference.tag!);
      return bytes;
    },
    async *read(descriptor, from) {
      yield* (await client()).blob(descriptor, from);
    },
  };
}

/** Writes a cache into a registry, under a tag. */
export function registryTarget(
  { registries, reference, insecure, mountFrom, signal }: RegistryPlace,
  form: ManifestForm,
): CacheTarget {
  const client = registries.repository(reference, 'pull,push', insecure);
  client.catch(() => {});
  return {
    has: async ({ digest }) => hasBlob(await client, digest),
    async sendLayers(layers, status) {
      const to = await client;
      await forEachAtOnce(layers, atOnce, async ({ descriptor, read }) => {
        const { digest, size } = descriptor;
        const how = await uploadBlob(to, descriptor, {
          open: read,
          mountFrom: mountFrom?.(digest),
          onBytes: done => status(digest, done, size),
          signal,
        });
        // No bytes are shown where none were sent.
        const told = how === 'sent' ? size : 0;
        status(digest, told, told);
      });
    },
    async finish(config, layers) {
      const to = await client;
      const documents = writeManifest(config, layers, form);
      const { bytes } = documents.config;
      await uploadBlob(to, documents.config.descriptor, {
        open: from => once(bytes.subarray(from)),
        signal,
      });
      const { manifest } = documents;
      await uploadManifest(to, manifest.descriptor, manifest.bytes, reference.tag);
      return manifest.descriptor;
    },
  };
}
