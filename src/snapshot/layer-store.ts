import { randomInt } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { formatIdentity, isAlive, parseIdentity, self } from '../store/processes.ts';
import type { Store } from '../store/store.ts';
import { isErrno, StagecraftError } from '../util/errors.ts';
import { Allowance } from './allowance.ts';
import { Draft } from './draft.ts';
import { emptyRoot } from './entry.ts';
import { LayerListings } from './listing.ts';
import { mergeLayers } from './merge.ts';
import { RootView } from './root-view.ts';
import { tidyUpper } from './tidy.ts';
import type {
  AppliedLayer,
  DraftLayer,
  LayerId,
  LayerStore,
  LayerWriter,
  RootFs,
  UnpackedLayer,
  UnpackOptions,
} from './types.ts';
import { diskUsage } from './usage.ts';
import { openLayerWriter } from './writer.ts';

/** Layers that one overlay mount takes at most; the kernel's own limit (OVL_MAX_STACK) is 500. */
const maxStack = 300;
/** Layers that are left as they are above merged ones, so that the next steps need no other merge. */
const keptAbove = 100;

export interface LayerStoreOptions {
  /** Bytes that an archive may unpack to, 0 for any number; depends on the archive unless given. */
  readonly maxUnpacked?: number | undefined;
}

/** Opens the layers of a store. */
export function openLayerStore(store: Store, options: LayerStoreOptions = {}): LayerStore {
  return new StoredLayers(store, options);
}

class StoredLayers implements LayerStore {
  readonly #store: Store;
  readonly #options: LayerStoreOptions;
  /** Views by their layers, and what these hold: both keep the names they read, as layers never change. */
  readonly #views = new Map<string, WeakRef<RootView>>();
  readonly #listings = new Map<LayerId, WeakRef<LayerListings>>();

  constructor(store: Store, options: LayerStoreOptions) {
    this.#store = store;
    this.#options = options;
  }

  allow(packed: number, what: string): Allowance {
    return Allowance.of(packed, this.#options.maxUnpacked, what);
  }

  create(below?: RootFs): DraftLayer {
    const place = draftPlace(this.#store);
    const dir = join(place, 'fs');
    const workDir = join(place, 'work');
    mkdirSync(place);
    mkdirSync(dir);
    chmodSync(dir, emptyRoot.mode);
    mkdirSync(workDir);
    if (below !== undefined && below.length > 0) new Draft(dir, () => this.view(below)).adoptRoot();
    let isOpen = true;
    return {
      dir,
      workDir,
      commit: () => {
        if (!isOpen) throw new Error('The draft was committed or discarded before');
        if (below !== undefined) tidyUpper(dir, this.view(below));
        rmSync(workDir, { recursive: true, force: true });
        const id = this.#enter(place);
        isOpen = false;
        return id;
      },
      discard: () => {
        if (isOpen) rmSync(place, { recursive: true, force: true });
        isOpen = false;
      },
    };
  }

  dir(id: LayerId): string {
    return this.#store.path('layers', id, 'fs');
  }

  has(id: LayerId): boolean {
    return (
      this.#store.prepare('SELECT 1 FROM layers WHERE id = ?').get(id) !== undefined &&
      existsSync(this.dir(id))
    );
  }

  remove(id: LayerId): void {
    this.#listings.delete(id);
    const place = draftPlace(this.#store);
    this.#store.transaction(() => {
      this.#store.prepare('DELETE FROM layers WHERE id = ?').run(id);
      moveAway(this.#store.path('layers', id), place);
    });
    rmSync(place, { recursive: true, force: true });
  }

  view(rootFs: RootFs): RootView {
    const key = rootFs.join(' ');
    let view = this.#views.get(key)?.deref();
    if (view === undefined) {
      view = new RootView(rootFs.map(id => this.#listingsOf(id)));
      this.#views.set(key, new WeakRef(view));
    }
    return view;
  }

  writer(draft: DraftLayer, below: RootFs): LayerWriter {
    return openLayerWriter(draft.dir, this.view(below));
  }

  async unpack(
    source: AsyncIterable<Uint8Array>,
    draft: DraftLayer,
    below: RootFs,
    options: UnpackOptions = {},
  ): Promise<UnpackedLayer> {
    const { applyLayer } = await import('./apply.ts');
    return this.settle(await applyLayer(source, draft.dir, () => this.view(below), options), draft, below);
  }

  async settle(
    { hasRoot, size, dependsOnBelow }: AppliedLayer,
    draft: DraftLayer,
    below: RootFs,
  ): Promise<UnpackedLayer> {
    const { adoptRoot } = await import('./apply.ts');
    const isRootBelow = !hasRoot && adoptRoot(draft.dir, this.view(below));
    return { size, dependsOnBelow: dependsOnBelow || isRootBelow };
  }

  size(id: LayerId): number {
    const row = this.#store.prepare('SELECT size FROM layers WHERE id = ?').get(id);
    if (row === undefined) throw new StagecraftError('not-found', `The layer ${id} is not in the store.`);
    if (typeof row.size === 'number') return row.size;
    const size = diskUsage(this.dir(id));
    this.#store.prepare('UPDATE layers SET size = ? WHERE id = ?').run(size, id);
    return size;
  }

  mountDirs(rootFs: RootFs): string[] {
    if (rootFs.length <= maxStack) return rootFs.map(id => this.dir(id));
    // Cut at round places, so that chains which grow by one layer share their merges.
    const count = Math.floor((rootFs.length - keptAbove) / keptAbove) * keptAbove;
    const merged = this.#merged(rootFs.slice(0, count));
    return [this.dir(merged), ...rootFs.slice(count).map(id => this.dir(id))];
  }

  #listingsOf(id: LayerId): LayerListings {
    let listings = this.#listings.get(id)?.deref();
    if (listings === undefined) {
      const dir = this.dir(id);
      if (!existsSync(dir))
        throw new StagecraftError('not-found', `The layer ${id} is not in the store ${this.#store.root}.`);
      listings = new LayerListings(dir);
      this.#listings.set(id, new WeakRef(listings));
    }
    return listings;
  }

  /** One layer that stands for many, only to be mounted: made once, then found by its parts. */
  #merged(parts: RootFs): LayerId {
    const key = `merged ${parts.join(' ')}`;
    const row = this.#store.prepare('SELECT layer FROM unpacked_layers WHERE key = ?').get(key);
    if (row !== undefined && this.has(row.layer as LayerId)) {
      const now = Date.now();
      this.#store.prepare('UPDATE layers SET last_used_at = ? WHERE id = ?').run(now, row.layer!);
      return row.layer as LayerId;
    }
    const draft = this.create();
    try {
      mergeLayers(
        parts.map(id => this.dir(id)),
        draft.dir,
        { isBase: true },
      );
      const id = draft.commit();
      this.#store.prepare('INSERT OR REPLACE INTO unpacked_layers (key, layer) VALUES (?, ?)').run(key, id);
      return id;
    } catch (error) {
      draft.discard();
      throw error;
    }
  }

  /** Gives a finished draft its name: the record and the one rename together. */
  #enter(place: string): LayerId {
    return this.#store.transaction(() => {
      const insert = this.#store.prepare(
        'INSERT INTO layers (id, size, created_at, last_used_at) VALUES (?, NULL, ?, ?) ON CONFLICT DO NOTHING',
      );
      const now = Date.now();
      for (let number = Math.floor((now - firstDay) / 100); ; number++) {
        const id = number.toString(36).padStart(7, '0');
        if (existsSync(this.#store.path('layers', id)) || insert.run(id, now, now).changes === 0) continue;
        renameSync(place, this.#store.path('layers', id));
        return id;
      }
    });
  }
}

/**
 * Layers are named by the tenth of a second of their commit, counted from here, or the next free one: seven letters and
 * digits, short in a mount's options, and never used again, so that nothing old can mean a new layer.
 */
const firstDay = Date.UTC(2025, 0, 1);

const draftPattern = /^layer-(.+)\.[0-9a-z]+$/;

/** A path whose name tells whose draft it is. */
function draftPlace(store: Store): string {
  return store.path('ingest', `layer-${formatIdentity(self(store))}.${randomInt(2 ** 47).toString(36)}`);
}

function moveAway(from: string, to: string): void {
  try {
    renameSync(from, to);
  } catch (error) {
    if (!isErrno(error, 'ENOENT')) throw error;
  }
}

/**
 * Removes what dead processes left: drafts, layers half removed, layer directories without a record; and forgets
 * records without a directory. Safe while others work.
 */
export function recoverLayers(store: Store): void {
  const doomed: string[] = [];
  for (const name of readdirSync(store.path('ingest'))) {
    const identity = parseIdentity(draftPattern.exec(name)?.[1] ?? '');
    if (identity !== undefined && !isAlive(store, identity)) doomed.push(store.path('ingest', name));
  }
  store.transaction(() => {
    const known = new Set(
      store
        .prepare('SELECT id FROM layers')
        .all()
        .map(row => row.id as string),
    );
    for (const name of readdirSync(store.path('layers'))) {
      if (known.delete(name)) continue;
      const place = draftPlace(store);
      moveAway(store.path('layers', name), place);
      doomed.push(place);
    }
    for (const id of known) store.prepare('DELETE FROM layers WHERE id = ?').run(id);
  });
  for (const place of doomed) rmSync(place, { recursive: true, force: true });
}
