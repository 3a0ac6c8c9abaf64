import { type CacheKey, contentKey, freshKey } from '../cache/keys.ts';
import type { CacheRecord } from '../cache/records.ts';
import type { SharedRecord } from '../cache/shared.ts';
import type { ResultLayers } from '../snapshot/types.ts';
import { acquireLock } from '../store/locks.ts';
import { StagecraftError } from '../util/errors.ts';
import { rootFsOutputs } from './outputs.ts';
import type { Flavour } from './record-keys.ts';
import { nameOf } from './reporter.ts';
import { Step } from './step.ts';
import { treeKey } from './trees.ts';
import type { Output, Work } from './types.ts';
import { workOf } from './work.ts';

/** Milliseconds after which the reading of files shows as a running step. */
const noticeableMs = 200;

/** A result of a shared cache. */
interface SharedResult extends SharedRecord {
  /** Those that lead to the result; users of it build theirs on the first. */
  readonly keys: readonly [CacheKey, ...CacheKey[]];
}

/** What changes files: a process, or a file operation. */
export class WorkStep extends Step {
  #started = 0;
  #work: Work | undefined;
  /** What a shared cache knows of the result, until its files are needed. */
  #shared: SharedResult | undefined;

  override get isOnlyNamed(): boolean {
    return this.#shared !== undefined && this.#shared.outputs === undefined && this.made === undefined;
  }

  override async ensure(): Promise<void> {
    await this.evaluate();
    if (this.#shared?.outputs === undefined) await this.outputs();
  }

  protected override async findKey(): Promise<CacheKey> {
    const { inputKeys, definition } = await this.keysByDefinition();
    const work = workOf(this.vertex, this.context);
    this.#work = work;
    this.#started = performance.now();
    const ignoreCache = this.vertex.metadata.ignoreCache === true;
    if (definition !== undefined && !ignoreCache) {
      const known = await this.#find([definition], 'definition');
      if (known !== undefined) return known;
    }
    let key = definition;
    if (definition === undefined || work.readsContent) {
      key = await this.#contentKey(work, inputKeys);
      const aliases = definition === undefined ? [] : [definition];
      const known = ignoreCache ? undefined : await this.#find([key, ...aliases], 'content');
      if (known !== undefined) return known;
    }
    const found = key as CacheKey;
    // Nobody asks for a fresh key: it is only what keys of the result's users stand on.
    const canonical = ignoreCache ? freshKey(found, this.context.nonce) : found;
    const keys = [...new Set([found, definition ?? found])];
    this.result = this.elsewhere.describe(keys);
    this.made = this.guard(this.#make(canonical, keys));
    return canonical;
  }

  /** Brings what a shared cache has; makes it here where it has not, or where it does not come. */
  protected override async load(): Promise<Output[]> {
    const { services, records } = this.context;
    const { keys, createdAt, outputs: shared } = this.#shared!;
    const [canonical] = keys;
    try {
      if (shared === undefined) return await this.#make(canonical, keys);
      const outputs = await services.shared!.load(shared, this.sourceProgress());
      const description = nameOf(this.vertex);
      records.save(keys, { canonical, outputs, description, durationMs: 0, createdAt });
      return rootFsOutputs(outputs);
    } catch (error) {
      if (shared === undefined || services.signal.aborted || !(error instanceof StagecraftError)) throw error;
      this.reporter.again();
      this.reporter.warn(
        'A cached result could not be had from its cache, so the step runs.',
        error.message,
        this.vertex.metadata.range,
      );
      return await this.#make(canonical, keys);
    } finally {
      this.#shared = undefined;
    }
  }

  protected override async layersElsewhere(index: number): Promise<ResultLayers | undefined> {
    return this.#shared?.outputs && (this.#shared.outputs[index] ?? []);
  }

  /**
   * The canonical key of the result that is known under the first key, here or in a shared cache; it is then this
   * step's, and the other keys lead to it from now on.
   * @param flavour how shared caches are asked
   */
  async #find(keys: readonly [CacheKey, ...CacheKey[]], flavour: Flavour): Promise<CacheKey | undefined> {
    const { records } = this.context;
    const [key, ...aliases] = keys;
    const known = this.#answer(key);
    if (known === undefined) {
      const record = await this.elsewhere.find(flavour);
      if (record === undefined) return undefined;
      this.result = this.elsewhere.describe(keys, { shared: record });
      this.#shared = { ...record, keys };
      if (record.outputs !== undefined) this.reporter.cached();
      return key;
    }
    for (const alias of aliases) records.alias(alias, key);
    const { canonical } = known;
    this.result = this.elsewhere.describe([...new Set([...keys, canonical])]);
    return canonical;
  }

  /** The record of the store under this key, whose result is then this step's. */
  #answer(key: CacheKey): CacheRecord | undefined {
    const record = this.context.records.find(key);
    if (record === undefined) return undefined;
    this.made = Promise.resolve(rootFsOutputs(record.outputs));
    this.reporter.cached();
    return record;
  }

  /** The key by what is read of the inputs. */
  async #contentKey(work: Work, inputKeys: readonly (CacheKey | undefined)[]): Promise<CacheKey> {
    await Promise.all(
      this.inputs()
        .filter((_, i) => work.onlyReads(i))
        .map(step => step.outputs()),
    );
    // Reading many files is work that one wants to see; reading few is over before.
    const shown = setTimeout(() => this.reporter.start(), noticeableMs);
    const content = await work
      .content(await this.#keysFor(work, inputKeys), this.reporter)
      .finally(() => clearTimeout(shown));
    return contentKey(this.vertex, content);
  }

  /** The key of an input that is a build context comes from all its files, where the work builds on it. */
  async #keysFor(work: Work, inputKeys: readonly (CacheKey | undefined)[]): Promise<string[]> {
    return Promise.all(
      inputKeys.map(async (key, i) => {
        const edge = this.vertex.inputs[i]!;
        if (key !== undefined) return `${key}#${edge.index}`;
        return work.onlyReads(i) ? '' : treeKey(await this.context.step(edge.digest).tree(edge.index));
      }),
    );
  }

  /** Does the work. Equal work runs once in this solve; another process that does it now is waited for. */
  #make(canonical: CacheKey, keys: readonly CacheKey[]): Promise<Output[]> {
    const { running } = this.context;
    const other = running.get(canonical);
    if (other !== undefined) {
      return other.then(outputs => {
        this.reporter.cached();
        return outputs;
      });
    }
    const own = this.#run(canonical, keys);
    running.set(canonical, own);
    return own;
  }

  async #run(canonical: CacheKey, keys: readonly CacheKey[]): Promise<Output[]> {
    const { services, records, limit } = this.context;
    services.beforeWork();
    const inputs = await Promise.all(
      this.vertex.inputs.map(edge => this.context.step(edge.digest).output(edge)),
    );
    return limit.run(async () => {
      services.signal.throwIfAborted();
      const lock = await acquireLock(services.store, `work ${canonical}`, services.signal);
      try {
        const known = records.find(canonical);
        if (known !== undefined) {
          this.reporter.cached();
          return rootFsOutputs(known.outputs);
        }
        this.reporter.start();
        const begun = performance.now();
        const { outputs, cacheable } = await this.#work!.run(inputs, this.reporter);
        const workMs = performance.now() - begun;
        if (cacheable) {
          const durationMs = performance.now() - this.#started;
          records.save(keys, { canonical, outputs, description: nameOf(this.vertex), durationMs });
        }
        this.reporter.complete(workMs);
        return rootFsOutputs(outputs);
      } finally {
        lock.release();
      }
    });
  }
}
