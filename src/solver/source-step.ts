import type { RecordKey } from '../cache/buildkit/key.ts';
import type { CacheKey } from '../cache/keys.ts';
import type { GraphVertex, SourceOp } from '../llb/index.ts';
import type { ResultLayers } from '../snapshot/types.ts';
import { Step } from './step.ts';
import type { Output, ResolvedSource, StepContext } from './types.ts';

/** What a build starts from: a context, an image, a download. */
export class SourceStep extends Step {
  readonly #op: SourceOp;
  #source: ResolvedSource | undefined;

  constructor(vertex: GraphVertex, op: SourceOp, context: StepContext) {
    super(vertex, context);
    this.#op = op;
  }

  override get origin(): string {
    return this.#source?.origin ?? '';
  }

  override async recordKeys(index: number): Promise<readonly RecordKey[]> {
    await this.evaluate();
    return this.elsewhere.keysOfSource(this.#source!, index);
  }

  protected override async findKey(): Promise<CacheKey | undefined> {
    const { identifier, attrs } = this.#op;
    const { resolveSource } = this.context.services;
    this.#source = await resolveSource(identifier, attrs, this.vertex.platform, this.sourceProgress());
    return this.#source.key;
  }

  protected override async load(): Promise<Output[]> {
    this.reporter.start();
    const output = await this.#source!.load(this.sourceProgress());
    this.reporter.complete();
    return [output];
  }

  protected override async layersElsewhere(): Promise<ResultLayers | undefined> {
    return this.#source!.layers?.();
  }

  /** A build context is. */
  protected override async isAtHand(): Promise<boolean> {
    return this.#source!.key === undefined;
  }
}
