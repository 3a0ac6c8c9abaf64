import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import { hostPlatform } from '../image/platform.ts';
import type { ImageConfig } from '../image/types.ts';
import { openLayerStore } from '../snapshot/layer-store.ts';
import type { LayerStore, LayerWriter, Metadata, RootFs } from '../snapshot/types.ts';
import { openStore, type Store } from '../store/store.ts';
import { exportServices } from './services.ts';
import type { ExportServices } from './types.ts';

/** A store to try exporters on. For tests. */
export interface Workshop {
  dir: string;
  store: Store;
  layers: LayerStore;
  services: ExportServices;
  /** Makes one more layer on top. */
  addLayer(below: RootFs, write: (writer: LayerWriter) => void): RootFs;
}

export const plain: Metadata = { mode: 0o644, uid: 0, gid: 0, mtimeNs: 1_600_000_000_000_000_000n };
export const executable: Metadata = { ...plain, mode: 0o755 };

/** Opens one that goes away with the test file. */
export function openWorkshop(): Workshop {
  const dir = mkdtempSync(join(tmpdir(), 'stagecraft-exporter-'));
  const store = openStore(join(dir, 'store'));
  after(() => {
    store.close();
    rmSync(dir, { recursive: true });
  });
  const layers = openLayerStore(store);
  return {
    dir,
    store,
    layers,
    services: exportServices(store, layers),
    addLayer(below, write) {
      const draft = layers.create(below);
      const writer = layers.writer(draft, below);
      write(writer);
      writer.finish();
      return [...below, draft.commit()];
    },
  };
}

/** A tree with most that an image can hold, in two layers: the upper one removes and replaces files of the lower. */
export function makeSample(workshop: Workshop): RootFs {
  const base = workshop.addLayer([], writer => {
    for (const path of ['/bin', '/etc', '/old', '/var', '/var/data']) writer.putDirectory(path, executable);
    writer.putFile('/bin/tool', { data: Buffer.from('#!/bin/true\n') }, executable);
    writer.putHardLink('/bin/alias', '/bin/tool');
    writer.putSymlink('/lib', 'usr/lib', plain);
    writer.putFile('/etc/removed', { data: Buffer.from('gone') }, plain);
    writer.putFile('/old/file', { data: Buffer.from('gone too') }, plain);
    writer.putFile('/var/data/\xfe\xff', { data: Buffer.from('a name that is not UTF-8') }, plain);
    writer.putNode('/var/pipe', 'fifo', { major: 0, minor: 0 }, plain);
  });
  return workshop.addLayer(base, writer => {
    writer.remove('/etc/removed');
    writer.remove('/old');
    writer.putDirectory('/old', executable);
    writer.putFile(
      '/old/new',
      { data: Buffer.alloc(3 << 20, 'stagecraft ') },
      { ...plain, uid: 1000, gid: 100 },
    );
    writer.putFile('/etc/empty', { data: Buffer.alloc(0) }, { ...plain, mode: 0o4755 });
  });
}

export const sampleConfig: ImageConfig = {
  ...hostPlatform(),
  config: { Env: ['PATH=/bin'], Cmd: ['/bin/tool'], Labels: { a: 'b' } },
  rootfs: { type: 'layers', diff_ids: [] },
  history: [
    { created_by: 'COPY base /' },
    { created_by: 'ENV PATH=/bin', empty_layer: true },
    { created_by: 'RUN change' },
  ],
};
