import type { RootFs } from '../snapshot/types.ts';
import type { Store } from '../store/store.ts';
import type { CacheKey } from './keys.ts';

/** What an operation made, as remembered. */
export interface CacheRecord {
  /** The key that users of the result build theirs on: the content key, where the operation has one. */
  canonical: CacheKey;
  /** For each output its root file system; null for an output that is none. */
  outputs: (RootFs | null)[];
  /** When it was made; milliseconds since the epoch. */
  createdAt: number;
}

export interface NewRecord extends Omit<CacheRecord, 'createdAt'> {
  /** Now unless given. */
  createdAt?: number | undefined;
  /** For people: `RUN make`. */
  description: string;
  /** How long it ran, in milliseconds. */
  durationMs: number;
}

/** The cache between builds: keys to results, shared by every process that uses the store. */
export class CacheRecords {
  readonly #store: Store;
  /** Records used since then need no new mark. */
  readonly #since: number;
  readonly #layers = new Set<string>();

  /** @param since when this build's lease began; milliseconds since the epoch */
  constructor(store: Store, since: number) {
    this.#store = store;
    this.#since = since;
  }

  /** The record under a key, marked as used, if all its layers are still there. */
  find(key: CacheKey): CacheRecord | undefined {
    const row = this.#store
      .prepare('SELECT canonical, outputs, created_at, last_used_at FROM cache_records WHERE key = ?')
      .get(key) as
      | { canonical: CacheKey; outputs: string; created_at: number; last_used_at: number }
      | undefined;
    if (row === undefined) return undefined;
    if (row.last_used_at < this.#since && !this.#touch(key)) return undefined;
    const outputs = JSON.parse(row.outputs) as (RootFs | null)[];
    if (!outputs.every(output => output === null || output.every(layer => this.#hasLayer(layer)))) {
      this.forget(key);
      return undefined;
    }
    return { canonical: row.canonical, outputs, createdAt: row.created_at };
  }

  /** Remembers a result under each of the keys, in one transaction. */
  save(keys: readonly CacheKey[], record: NewRecord): void {
    const now = Date.now();
    const outputs = JSON.stringify(record.outputs);
    this.#store.transaction(() => {
      for (const key of keys) {
        this.#spare(key, now);
        this.#store
          .prepare('INSERT OR REPLACE INTO cache_records VALUES (?, ?, ?, ?, ?, ?, ?)')
          .run(
            key,
            record.canonical,
            outputs,
            record.description,
            Math.round(record.durationMs),
            record.createdAt ?? now,
            now,
          );
      }
    });
  }

  /** Lets a further key lead to what is known under another one. */
  alias(key: CacheKey, existing: CacheKey): void {
    this.#store.transaction(() => {
      this.#spare(key, Date.now());
      this.#store
        .prepare(
          `INSERT OR REPLACE INTO cache_records
           SELECT ?, canonical, outputs, description, duration_ms, created_at, last_used_at
           FROM cache_records WHERE key = ?`,
        )
        .run(key, existing);
    });
  }

  forget(key: CacheKey): void {
    this.#store.prepare('DELETE FROM cache_records WHERE key = ?').run(key);
  }

  /** False when a collection removed the record meanwhile. */
  #touch(key: CacheKey): boolean {
    const { changes } = this.#store
      .prepare('UPDATE cache_records SET last_used_at = ? WHERE key = ?')
      .run(Date.now(), key);
    return changes === 1;
  }

  /** A build that found the record counts on its layers, which nothing else may refer to once it is replaced. */
  #spare(key: CacheKey, now: number): void {
    this.#store
      .prepare(
        `UPDATE layers SET last_used_at = ? WHERE id IN (
           SELECT layer.value FROM cache_records AS record, json_each(record.outputs) AS output, json_each(output.value) AS layer
           WHERE record.key = ? AND output.type = 'array')`,
      )
      .run(now, key);
  }

  #hasLayer(layer: string): boolean {
    if (this.#layers.has(layer)) return true;
    const there = this.#store.prepare('SELECT 1 FROM layers WHERE id = ?').get(layer) !== undefined;
    if (there) this.#layers.add(layer);
    return there;
  }
}
