import type { Allowance } from '../snapshot/allowance.ts';
import type { DraftLayer, LayerId, LayerWriter, RootFs } from '../snapshot/types.ts';
import { DigestTable } from '../source/digest-table.ts';
import { digestsFile } from '../source/layers.ts';
import type { FileOpServices } from './types.ts';

/** A layer being made by file actions, with the digests of what is put into it. */
export class OpenLayer {
  readonly below: RootFs;
  readonly writer: LayerWriter;
  readonly table = DigestTable.empty();
  readonly #layer: DraftLayer;
  readonly #services: FileOpServices;
  /** Layers that made files which lie below: a link to one of these files would join paths of one image. */
  #makersBelow: Set<LayerId> | undefined;

  readonly #linked = new Set<string>();

  constructor(services: FileOpServices, below: RootFs) {
    this.below = below;
    this.#services = services;
    this.#layer = services.layers.create();
    this.writer = services.layers.writer(this.#layer, below);
  }

  /** How much an archive that has so many bytes may unpack to. */
  allow(packed: number, what: string): Allowance {
    return this.#services.layers.allow(packed, what);
  }

  /** Whether a file on disk that this layer made may get a name in the draft. */
  mayLink(maker: LayerId): boolean {
    this.#makersBelow ??= new Set(
      this.below.flatMap(id => [id, ...this.#services.digests.table(id).origins]),
    );
    return !this.#makersBelow.has(maker);
  }

  /**
   * True the first time it is asked for a file on disk. A second name for it would make two files, which the source
   * may know as separate, or as linked where Docker copies them apart, one hard-linked file of the layer.
   */
  linkOnce(file: { readonly dev: number; readonly ino: number }): boolean {
    const id = `${file.dev} ${file.ino}`;
    if (this.#linked.has(id)) return false;
    this.#linked.add(id);
    return true;
  }

  /** Makes the layer immutable; returns the root file system with it on top. */
  commit(): RootFs {
    this.writer.finish();
    if (this.table.size > 0) this.table.save(digestsFile(this.#layer.dir));
    return [...this.below, this.#layer.commit()];
  }

  discard(): void {
    this.#layer.discard();
  }
}
