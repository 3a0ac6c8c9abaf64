import type { RecordKey } from '../cache/buildkit/key.ts';
import { type CacheKey, definitionKey } from '../cache/keys.ts';
import type { CachedResult } from '../cache/shared.ts';
import type { Edge, GraphVertex } from '../llb/index.ts';
import type { ResultLayers, RootFs } from '../snapshot/types.ts';
import type { DigestedTree } from '../source/types.ts';
import { StagecraftError } from '../util/errors.ts';
import { Elsewhere } from './elsewhere.ts';
import { nameOf, Reporter, type StepReport } from './reporter.ts';
import { materialize } from './trees.ts';
import type { Output, SourceProgress, StepContext, StepResult } from './types.ts';

/**
 * One vertex in one solve. `evaluate` finds its key, cheapest question first, and starts its work as soon as the cache
 * has no answer: whoever stands on an unknown result is unknown too, so the work will be needed. Sources are fetched
 * only when a step that works asks for their files.
 */
export abstract class Step implements StepResult {
  readonly vertex: GraphVertex;
  protected readonly context: StepContext;
  protected readonly reporter: Reporter;
  protected readonly elsewhere: Elsewhere;
  /** The results, once they are known or being made. */
  protected made: Promise<Output[]> | undefined;
  #evaluation: Promise<CacheKey | undefined> | undefined;

  /** The result as other machines may find it; nothing for a source, or what was not asked for. */
  result: CachedResult | undefined;

  constructor(vertex: GraphVertex, context: StepContext) {
    this.vertex = vertex;
    this.context = context;
    this.reporter = new Reporter(context.services.progress, vertex);
    this.elsewhere = new Elsewhere(vertex, context);
  }

  get origin(): string {
    return '';
  }

  get isOnlyNamed(): boolean {
    return false;
  }

  /** As {@link StepResult.evaluate}, asked once. */
  protected abstract findKey(): Promise<CacheKey | undefined>;

  /** The results that {@link findKey} neither found nor began to make; asked once. */
  protected abstract load(): Promise<Output[]>;

  /** The layers of a result that is not here, where these can be told without fetching it. */
  protected async layersElsewhere(_index: number): Promise<ResultLayers | undefined> {
    return undefined;
  }

  /** Whether the files of a result that is not made yet need no fetching. */
  protected async isAtHand(): Promise<boolean> {
    return false;
  }

  evaluate(): Promise<CacheKey | undefined> {
    this.#evaluation ??= this.guard(this.findKey());
    return this.#evaluation;
  }

  async outputs(): Promise<Output[]> {
    await this.evaluate();
    this.made ??= this.guard(this.load());
    return this.made;
  }

  async output({ index }: Pick<Edge, 'index'>): Promise<Output> {
    const output = (await this.outputs())[index];
    if (output !== undefined) return output;
    throw new StagecraftError(
      'usage',
      `The build graph asks for result ${index} of ${nameOf(this.vertex)}, which has none.`,
    );
  }

  async rootFs(index: number): Promise<RootFs> {
    const output = await this.output({ index });
    if ('rootFs' in output) return output.rootFs;
    return (await materialize(output.tree, '/', this.context)).rootFs;
  }

  async layers(index: number): Promise<ResultLayers> {
    await this.evaluate();
    const elsewhere = this.made === undefined ? await this.layersElsewhere(index) : undefined;
    return elsewhere ?? this.rootFs(index);
  }

  async tree(index: number): Promise<DigestedTree> {
    const output = await this.output({ index });
    if ('tree' in output) return output.tree;
    // Outside of its namespace an ordinary user sees the layers' files with other owners, and may not read them all.
    this.context.services.beforeWork();
    return this.context.services.digests.tree(output.rootFs);
  }

  async treeAtHand(index: number): Promise<DigestedTree | undefined> {
    await this.evaluate();
    return this.made !== undefined || (await this.isAtHand()) ? this.tree(index) : undefined;
  }

  async recordKeys(index: number): Promise<readonly RecordKey[]> {
    await this.evaluate();
    return this.elsewhere.keysOf(index);
  }

  /** Ends when the result is there, or known to be elsewhere. */
  async ensure(): Promise<void> {
    await this.outputs();
  }

  /** Ends when nothing of this step runs any more. */
  async settled(): Promise<void> {
    await Promise.allSettled([this.#evaluation, this.made]);
  }

  /** Closes the report of a step that nobody needed, or of a source that was asked for its key only. */
  finish(): void {
    if (this.#evaluation !== undefined) this.reporter.leave();
  }

  report(): StepReport {
    return this.reporter.report();
  }

  /** The steps that it stands on. */
  protected inputs(): StepResult[] {
    return this.vertex.inputs.map(edge => this.context.step(edge.digest));
  }

  /** The keys of its inputs, and its own by definition, where all of them have one. */
  protected async keysByDefinition(): Promise<{
    inputKeys: (CacheKey | undefined)[];
    definition: CacheKey | undefined;
  }> {
    const inputKeys = await Promise.all(this.inputs().map(step => step.evaluate()));
    const known = inputKeys.every(key => key !== undefined);
    const definition = known ? definitionKey(this.vertex, inputKeys as CacheKey[]) : undefined;
    return { inputKeys, definition };
  }

  /** What a source tells makes it a running step. */
  protected sourceProgress(): SourceProgress {
    const { services } = this.context;
    return {
      signal: services.signal,
      beforeWork: () => services.beforeWork(),
      status: (id, current, total) => {
        this.reporter.start();
        this.reporter.status(id, current, total);
      },
    };
  }

  /** Reports a failure at its step, stops the solve, and keeps Node from calling it unhandled meanwhile. */
  protected guard<T>(promise: Promise<T>): Promise<T> {
    const guarded = promise.catch((error: unknown) => {
      const located = this.#locate(error);
      if (this.context.services.signal.aborted) this.reporter.cancel();
      else this.reporter.fail((located as Error).message);
      this.context.fail(located, this.vertex.digest);
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
