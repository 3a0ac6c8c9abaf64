import { putJson } from '../content/json.ts';
import { type Descriptor, type ImageConfig, mediaTypes } from '../image/types.ts';
import { digestOf } from '../util/digest.ts';
import { blobsOf } from './blobs.ts';
import type { Store } from './store.ts';

/** Stores an image of one layer, whose blob holds this text as it is. For tests. */
export function putImage(store: Store, text: string, changes: Partial<ImageConfig> = {}): Descriptor {
  const blobs = blobsOf(store);
  const layer = blobs.put(text);
  const config = putJson(blobs, {
    created: '2024-05-06T07:08:09Z',
    os: 'linux',
    architecture: 'amd64',
    config: { Cmd: ['/hello'] },
    rootfs: { type: 'layers', diff_ids: [digestOf(text)] },
    history: [{ created_by: 'COPY hello /' }, { created_by: 'CMD /hello', empty_layer: true }],
    ...changes,
  });
  const manifest = putJson(blobs, {
    schemaVersion: 2,
    mediaType: mediaTypes.manifest,
    config: { mediaType: mediaTypes.config, ...config },
    layers: [{ mediaType: mediaTypes.layer, ...layer }],
  });
  return { mediaType: mediaTypes.manifest, ...manifest };
}
