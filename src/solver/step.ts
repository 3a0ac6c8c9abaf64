import type { RecordKey } from '../cache/buildkit/key.ts';
import { type CacheKey, contentKey, definitionKey, freshKey } from '../cache/keys.ts';
import type { CacheRecord } from '../cache/records.ts';
import type { CachedResult, SharedRecord } from '../cache/shared.ts';
import type { Edge, GraphVertex } from '../llb/index.ts';
import type { ResultLayers, RootFs } from '../snapshot/types.ts';
import type { DigestedTree } from '../source/types.ts';
import { acquireLock } from '../store/locks.ts';
import { StagecraftError } from '../util/errors.ts';
import { compose, composeMerge } from './compose.ts';
import { Elsewhere } from './elsewhere.ts';
import { isComposition, rootFsOutputs } from './outputs.ts';
import type { Flavour } from './record-keys.ts';
import { nameOf, Reporter, type StepReport } from './reporter.ts';
import { materialize, treeKey } from './trees.ts';
import type { Output, ResolvedSource, SourceProgress, StepContext, StepResult, Work } from './types.ts';
import { workOf } from './work.ts';

/** Milliseconds after which the reading of files shows as a running step. */
const noticeableMs = 200;

/** A result of a shared cache. */
interface SharedResult extends SharedRecord {
  /** The key that users of the result build theirs on. */
  readonly canonical: CacheKey;
  /** Makes it here after all. */
  make(): Promise<Output[]>;
}

/**
 * One vertex in one solve. `evaluate` finds its key, cheapest question first, and starts its work as soon as the cache
 * has no answer: whoever stands on an unknown result is unknown too, so the work will be needed. Sources are fetched
 * only when a step that works asks for their files.
 */
export class Step implements StepResult {
  readonly vertex: GraphVertex;
  readonly #context: StepContext;
  readonly #reporter: Reporter;
  readonly #elsewhere: Elsewhere;
  #evaluation: Promise<CacheKey | undefined> | undefined;
  #outputs: Promise<Output[]> | undefined;
  #source: ResolvedSource | undefined;
  /** What a shared cache knows of the result, until its files are needed. */
  #shared: SharedResult | undefined;
  #result: CachedResult | undefined;

  constructor(vertex: GraphVertex, context: StepContext) {
    this.vertex = vertex;
    this.#context = context;
    this.#reporter = new Reporter(context.services.progress, vertex);
    this.#elsewhere = new Elsewhere(vertex, context);
  }

  evaluate(): Promise<CacheKey | undefined> {
    this.#evaluation ??= this.#guard(this.#evaluate());
    return this.#evaluation;
  }

  async outputs(): Promise<Output[]> {
    await this.evaluate();
    this.#outputs ??= this.#guard(this.#load());
    return this.#outputs;
  }

  async rootFs(index: number): Promise<RootFs> {
    const output = await this.#output(index);
    if ('rootFs' in output) return output.rootFs;
    return (await materialize(output.tree, '/', this.#context)).rootFs;
  }

  async layers(index: number): Promise<ResultLayers> {
    await this.evaluate();
    if (this.#outputs !== undefined) return this.rootFs(index);
    if (this.#shared?.outputs !== undefined) return this.#shared.outputs[index] ?? [];
    if (this.#source?.layers !== undefined) return this.#source.layers();
    const { op } = this.vertex;
    if (op.kind !== 'merge' || this.#inputs().some(input => input.isOnlyNamed)) return this.rootFs(index);
    const layers = await Promise.all(
      this.vertex.inputs.map(edge => this.#context.step(edge.digest).layers(edge.index)),
    );
    const composed = composeMerge(op, layers);
    this.#result = this.#elsewhere.describe([], { composed: [composed] });
    return composed;
  }

  async tree(index: number): Promise<DigestedTree> {
    const output = await this.#output(index);
    if ('tree' in output) return output.tree;
    // Outside of its namespace an ordinary user sees the layers' files with other owners, and may not read them all.
    this.#context.services.beforeWork();
    return this.#context.services.digests.tree(output.rootFs);
  }

  async treeAtHand(index: number): Promise<DigestedTree | undefined> {
    await this.evaluate();
    const isContext = this.#source !== undefined && this.#source.key === undefined;
    if (this.#outputs !== undefined || isContext) return this.tree(index);
    if (!isComposition(this.vertex)) return undefined;
    const parts = this.vertex.inputs.map(edge => this.#context.step(edge.digest).treeAtHand(edge.index));
    return (await Promise.all(parts)).every(part => part !== undefined) ? this.tree(index) : undefined;
  }

  async recordKeys(index: number): Promise<readonly RecordKey[]> {
    await this.evaluate();
    return this.#source === undefined
      ? this.#elsewhere.keysOf(index)
      : this.#elsewhere.keysOfSource(this.#source, index);
  }

  /** Whether a shared cache knows the result, but has it not. */
  get isOnlyNamed(): boolean {
    return this.#shared !== undefined && this.#shared.outputs === undefined && this.#outputs === undefined;
  }

  async output(edge: Edge): Promise<Output> {
    return this.#output(edge.index);
  }

  get origin(): string {
    return this.#source?.origin ?? '';
  }

  /** The result as other machines may find it; nothing for a source, or what was not asked for. */
  get result(): CachedResult | undefined {
    return this.#result;
  }

  /** Ends when the result is there, or known to be elsewhere. */
  async ensure(): Promise<void> {
    await this.evaluate();
    if (this.#shared?.outputs === undefined) await this.outputs();
  }

  /** Ends when nothing of this step runs any more. */
  async settled(): Promise<void> {
    await Promise.allSettled([this.#evaluation, this.#outputs]);
  }

  /** Closes the report of a step that nobody needed, or of a source that was asked for its key only. */
  finish(): void {
    if (this.#evaluation !== undefined) this.#reporter.leave();
  }

  report(): StepReport {
    return this.#reporter.report();
  }

  async #evaluate(): Promise<CacheKey | undefined> {
    const { op } = this.vertex;
    if (op.kind === 'source') {
      this.#source = await this.#context.services.resolveSource(
        op.identifier,
        op.attrs,
        this.vertex.platform,
        this.#sourceProgress(),
      );
      return this.#source.key;
    }
    const inputKeys = await Promise.all(this.#inputs().map(step => step.evaluate()));
    const known = inputKeys.every(key => key !== undefined);
    const definition = known ? definitionKey(this.vertex, inputKeys as CacheKey[]) : undefined;
    if (isComposition(this.vertex)) {
      this.#result = this.#elsewhere.describe([]);
      return definition ?? this.#keyOfTrees(inputKeys);
    }
    return this.#evaluateWork(workOf(this.vertex, this.#context), inputKeys, definition);
  }

  async #evaluateWork(
    work: Work,
    inputKeys: (CacheKey | undefined)[],
    definition: CacheKey | undefined,
  ): Promise<CacheKey> {
    const { nonce } = this.#context;
    const ignoreCache = this.vertex.metadata.ignoreCache === true;
    const started = performance.now();
    const make = (canonical: CacheKey, keys: CacheKey[]) => () =>
      this.#once(canonical, () => this.#work(work, canonical, keys, started));
    if (definition !== undefined && !ignoreCache) {
      const known = await this.#find(definition, 'definition', [], make);
      if (known !== undefined) return known;
    }
    let key = definition;
    if (definition === undefined || work.readsContent) {
      await Promise.all(
        this.#inputs()
          .filter((_, i) => work.onlyReads(i))
          .map(step => step.outputs()),
      );
      // Reading many files is work that one wants to see; reading few is over before.
      const shown = setTimeout(() => this.#reporter.start(), noticeableMs);
      const content = await work
        .content(await this.#keysFor(work, inputKeys), this.#reporter)
        .finally(() => clearTimeout(shown));
      key = contentKey(this.vertex, content);
      const aliases = definition === undefined ? [] : [definition];
      const known = ignoreCache ? undefined : await this.#find(key, 'content', aliases, make);
      if (known !== undefined) return known;
    }
    const found = key as CacheKey;
    const canonical = ignoreCache ? freshKey(found, nonce) : found;
    // Nobody asks for a fresh key: it is only what keys of the result's users stand on.
    const keys = [...new Set([found, definition ?? found])];
    this.#result = this.#elsewhere.describe(keys);
    this.#outputs = this.#guard(make(canonical, keys)());
    return canonical;
  }

  /** Equal work runs once in this solve; another process that does it now is waited for. */
  #once(key: CacheKey, body: () => Promise<Output[]>): Promise<Output[]> {
    const { running } = this.#context;
    const other = running.get(key);
    if (other !== undefined) {
      return other.then(outputs => {
        this.#reporter.cached();
        return outputs;
      });
    }
    const own = body();
    running.set(key, own);
    return own;
  }

  async #work(work: Work, canonical: CacheKey, keys: CacheKey[], started: number): Promise<Output[]> {
    const { services, records, limit } = this.#context;
    services.beforeWork();
    const inputs = await Promise.all(
      this.vertex.inputs.map(edge => this.#context.step(edge.digest).output(edge)),
    );
    return limit.run(async () => {
      services.signal.throwIfAborted();
      const lock = await acquireLock(services.store, `work ${canonical}`, services.signal);
      try {
        const known = records.find(canonical);
        if (known !== undefined) {
          this.#reporter.cached();
          return rootFsOutputs(known.outputs);
        }
        this.#reporter.start();
        const begun = performance.now();
        const { outputs, cacheable } = await work.run(inputs, this.#reporter);
        const workMs = performance.now() - begun;
        if (cacheable) {
          const durationMs = performance.now() - started;
          records.save(keys, { canonical, outputs, description: nameOf(this.vertex), durationMs });
        }
        this.#reporter.complete(workMs);
        return rootFsOutputs(outputs);
      } finally {
        lock.release();
      }
    });
  }

  /**
   * The canonical key of the result that is known under a key, here or in a shared cache; it is then this step's.
   * @param flavour how shared caches are asked
   * @param aliases further keys that are to lead to it from now on
   * @param make makes the result after all, where it cannot be had
   */
  async #find(
    key: CacheKey,
    flavour: Flavour,
    aliases: readonly CacheKey[],
    make: (canonical: CacheKey, keys: CacheKey[]) => () => Promise<Output[]>,
  ): Promise<CacheKey | undefined> {
    const { records } = this.#context;
    const known = this.#answer(key);
    if (known === undefined) {
      const record = await this.#elsewhere.find(flavour);
      if (record === undefined) return undefined;
      const keys = [...new Set([key, ...aliases])];
      this.#result = this.#elsewhere.describe(keys, { shared: record });
      this.#shared = { ...record, canonical: key, make: make(key, keys) };
      if (record.outputs !== undefined) this.#reporter.cached();
      return key;
    }
    for (const alias of aliases) records.alias(alias, key);
    const { canonical } = known;
    this.#result = this.#elsewhere.describe([...new Set([key, ...aliases, canonical])]);
    return canonical;
  }

  /** The record of the store under this key, whose result is then this step's. */
  #answer(key: CacheKey): CacheRecord | undefined {
    const record = this.#context.records.find(key);
    if (record === undefined) return undefined;
    this.#outputs = Promise.resolve(rootFsOutputs(record.outputs));
    this.#reporter.cached();
    return record;
  }

  /** Brings what a shared cache has; makes it here where it does not come. */
  async #fetch({ canonical, createdAt, outputs: shared, make }: SharedResult): Promise<Output[]> {
    const { services, records } = this.#context;
    if (shared === undefined) return make();
    try {
      const outputs = await services.shared!.load(shared, this.#sourceProgress());
      const description = nameOf(this.vertex);
      const keys = this.#result!.keys;
      records.save(keys, { canonical, outputs, description, durationMs: 0, createdAt });
      return rootFsOutputs(outputs);
    } catch (error) {
      if (services.signal.aborted || !(error instanceof StagecraftError)) throw error;
      this.#reporter.again();
      this.#reporter.warn(
        'A cached result could not be had from its cache, so the step runs.',
        error.message,
        this.vertex.metadata.range,
      );
      return make();
    } finally {
      this.#shared = undefined;
    }
  }

  /** What needs no work of its own: a source to fetch, or layers to put together. */
  async #load(): Promise<Output[]> {
    if (this.#shared !== undefined) return this.#fetch(this.#shared);
    if (this.#source === undefined) return this.#compose();
    this.#reporter.start();
    const output = await this.#source.load(this.#sourceProgress());
    this.#reporter.complete();
    return [output];
  }

  /** Puts inputs together; where one would have to be made for that, the whole may be in a shared cache. */
  async #compose(): Promise<Output[]> {
    const { services } = this.#context;
    let rootFses: readonly RootFs[] | undefined;
    if (this.#inputs().some(input => input.isOnlyNamed)) {
      const shared = (await this.#elsewhere.find('definition'))?.outputs;
      try {
        if (shared)
          rootFses = (await services.shared!.load(shared, this.#sourceProgress())).map(each => each ?? []);
      } catch (error) {
        if (services.signal.aborted || !(error instanceof StagecraftError)) throw error;
      }
    }
    rootFses ??= compose(
      this.vertex,
      await Promise.all(this.vertex.inputs.map(edge => this.#context.step(edge.digest).rootFs(edge.index))),
    );
    this.#result = this.#elsewhere.describe([], { composed: rootFses });
    return rootFses.map(rootFs => ({ rootFs }));
  }

  /** What a source tells makes it a running step. */
  #sourceProgress(): SourceProgress {
    const { services } = this.#context;
    return {
      signal: services.signal,
      beforeWork: () => services.beforeWork(),
      status: (id, current, total) => {
        this.#reporter.start();
        this.#reporter.status(id, current, total);
      },
    };
  }

  /** The key of an input that is a build context comes from all its files, where the work builds on it. */
  async #keysFor(work: Work, inputKeys: (CacheKey | undefined)[]): Promise<string[]> {
    return Promise.all(
      inputKeys.map(async (key, i) => {
        const edge = this.vertex.inputs[i] as Edge;
        if (key !== undefined) return `${key}#${edge.index}`;
        return work.onlyReads(i) ? '' : treeKey(await this.#context.step(edge.digest).tree(edge.index));
      }),
    );
  }

  async #keyOfTrees(inputKeys: (CacheKey | undefined)[]): Promise<CacheKey> {
    const keys = inputKeys.map(async (key, i) => {
      const edge = this.vertex.inputs[i] as Edge;
      return key ?? treeKey(await this.#context.step(edge.digest).tree(edge.index));
    });
    return contentKey(this.vertex, await Promise.all(keys));
  }

  #inputs(): StepResult[] {
    return this.vertex.inputs.map(edge => this.#context.step(edge.digest));
  }

  async #output(index: number): Promise<Output> {
    const output = (await this.outputs())[index];
    if (output !== undefined) return output;
    throw new StagecraftError(
      'usage',
      `The build graph asks for result ${index} of ${nameOf(this.vertex)}, which has none.`,
    );
  }

  /** Reports a failure at its step, stops the solve, and keeps Node from calling it unhandled meanwhile. */
  #guard<T>(promise: Promise<T>): Promise<T> {
    const guarded = promise.catch((error: unknown) => {
      const located = this.#locate(error);
      if (this.#context.services.signal.aborted) this.#reporter.cancel();
      else this.#reporter.fail((located as Error).message);
      this.#context.fail(located, this.vertex.digest);
      throw located;
    });
    guarded.catch(() => {});
    return guarded;
  }

  #locate(error: unknown): unknown {
    const { range } = this.vertex.metadata;
    if (!(error instanceof StagecraftError) || error.range !== undefined || range === undefined) return error;
    const { code, message, hint, cause, exitCode } = error;
    return new StagecraftError(code, message, { hint, cause, exitCode, range });
  }
}
