import type { RecordKey } from '../cache/buildkit/key.ts';
import type { CacheKey } from '../cache/keys.ts';
import type { CachedResult, SharedRecord } from '../cache/shared.ts';
import type { GraphVertex } from '../llb/index.ts';
import { outputsOf } from './outputs.ts';
import type { Flavour, OutputKeys, RecordKeys } from './record-keys.ts';
import type { ResolvedSource, StepContext } from './types.ts';

/** One step as caches that machines share know it. Costs nothing where none is asked or written. */
export class Elsewhere {
  readonly #vertex: GraphVertex;
  readonly #context: StepContext;
  readonly #outputs: readonly number[];
  #keys: Promise<RecordKeys> | undefined;
  #sourceKeys: Promise<readonly RecordKey[]> | undefined;
  #foundBy: Flavour | undefined;

  constructor(vertex: GraphVertex, context: StepContext) {
    this.#vertex = vertex;
    this.#context = context;
    this.#outputs = outputsOf(vertex);
  }

  /** What shared caches know of the step. */
  async find(flavour: Flavour): Promise<SharedRecord | undefined> {
    const { shared } = this.#context.services;
    if (shared === undefined) return undefined;
    const keys = await (await this.#recordKeys()).make(flavour, this.#outputs);
    if (!this.#outputs.every(output => keys.has(output))) return undefined;
    const record = await shared.find(new Map(this.#outputs.map(output => [output, keys.get(output)!])));
    if (record !== undefined) this.#foundBy = flavour;
    return record;
  }

  /** The keys of one output. */
  async keysOf(index: number): Promise<readonly RecordKey[]> {
    const key = (await this.#best([index])).get(index);
    return key === undefined ? [] : [key];
  }

  /** The same where the step is a source. */
  async keysOfSource(source: ResolvedSource, index: number): Promise<readonly RecordKey[]> {
    if (index !== 0) return [];
    this.#sourceKeys ??= import('./record-keys.ts').then(async ({ RecordKeys }) =>
      RecordKeys.ofSource((await source.sharedKeys?.()) ?? []),
    );
    return this.#sourceKeys;
  }

  /** The step's result for those who write caches. @param keys that lead to it in the store */
  describe(keys: readonly CacheKey[], more: Pick<CachedResult, 'shared' | 'composed'> = {}): CachedResult {
    const outputCount = Math.max(-1, ...this.#outputs) + 1;
    return { keys, outputCount, ...more, recordKeys: () => this.#best(this.#outputs) };
  }

  /** Where a shared cache knew the result by definition, nothing was read; else all that can be said is. */
  async #best(outputs: readonly number[]): Promise<OutputKeys> {
    return (await this.#recordKeys()).make(this.#foundBy ?? 'content', outputs);
  }

  #recordKeys(): Promise<RecordKeys> {
    this.#keys ??= import('./record-keys.ts').then(
      ({ RecordKeys }) => new RecordKeys(this.#vertex, this.#context),
    );
    return this.#keys;
  }
}
