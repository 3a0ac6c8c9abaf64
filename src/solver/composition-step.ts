import { type CacheKey, contentKey } from '../cache/keys.ts';
import type { ResultLayers, RootFs } from '../snapshot/types.ts';
import { StagecraftError } from '../util/errors.ts';
import { compose, composeMerge } from './compose.ts';
import { Step } from './step.ts';
import { treeKey } from './trees.ts';
import type { Output } from './types.ts';

/** What puts layers of its inputs together, and needs no work. */
export class CompositionStep extends Step {
  protected override async findKey(): Promise<CacheKey> {
    const { inputKeys, definition } = await this.keysByDefinition();
    this.result = this.elsewhere.describe([]);
    return definition ?? this.#keyOfTrees(inputKeys);
  }

  /** Where an input would have to be made for it, the whole may be in a shared cache. */
  protected override async load(): Promise<Output[]> {
    const found = this.#isPartlyNamed() ? await this.#fetch() : undefined;
    const rootFses =
      found ??
      compose(
        this.vertex,
        await Promise.all(this.vertex.inputs.map(edge => this.context.step(edge.digest).rootFs(edge.index))),
      );
    this.result = this.elsewhere.describe([], { composed: rootFses });
    return rootFses.map(rootFs => ({ rootFs }));
  }

  protected override async layersElsewhere(): Promise<ResultLayers | undefined> {
    const { op } = this.vertex;
    if (op.kind !== 'merge' || this.#isPartlyNamed()) return undefined;
    const layers = await Promise.all(
      this.vertex.inputs.map(edge => this.context.step(edge.digest).layers(edge.index)),
    );
    const composed = composeMerge(op, layers);
    this.result = this.elsewhere.describe([], { composed: [composed] });
    return composed;
  }

  protected override async isAtHand(): Promise<boolean> {
    const parts = this.vertex.inputs.map(edge => this.context.step(edge.digest).treeAtHand(edge.index));
    return (await Promise.all(parts)).every(part => part !== undefined);
  }

  #isPartlyNamed(): boolean {
    return this.inputs().some(input => input.isOnlyNamed);
  }

  /** The whole from a shared cache; nothing where it is not there or does not come. */
  async #fetch(): Promise<readonly RootFs[] | undefined> {
    const { services } = this.context;
    const shared = (await this.elsewhere.find('definition'))?.outputs;
    if (shared === undefined) return undefined;
    try {
      return (await services.shared!.load(shared, this.sourceProgress())).map(rootFs => rootFs ?? []);
    } catch (error) {
      if (services.signal.aborted || !(error instanceof StagecraftError)) throw error;
      return undefined;
    }
  }

  async #keyOfTrees(inputKeys: readonly (CacheKey | undefined)[]): Promise<CacheKey> {
    const keys = inputKeys.map(async (key, i) => {
      const edge = this.vertex.inputs[i]!;
      return key ?? treeKey(await this.context.step(edge.digest).tree(edge.index));
    });
    return contentKey(this.vertex, await Promise.all(keys));
  }
}
