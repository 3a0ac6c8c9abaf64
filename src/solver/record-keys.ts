import { contentDigest } from '../cache/buildkit/content.ts';
import type { Description, Selector } from '../cache/buildkit/description.ts';
import {
  contentRootKey,
  outputKey,
  type RecordKey,
  type RecordLink,
  sourceKey,
} from '../cache/buildkit/key.ts';
import { describe } from '../cache/buildkit/operation.ts';
import type { GraphVertex } from '../llb/index.ts';
import { StagecraftError } from '../util/errors.ts';
import { Pace } from '../util/pace.ts';
import type { StepContext, StepResult } from './types.ts';

/** Keys of the results of a step, by their numbers. */
export type OutputKeys = ReadonlyMap<number, RecordKey>;

/** Whether keys stand on what inputs are called alone, or on the content of the files that are read too. */
export type Flavour = 'definition' | 'content';

/**
 * The keys by which caches that machines share know the results of one step (see `cache/buildkit/`). They are made where
 * such a cache is asked or written, never else: content is hashed anew for them.
 */
export class RecordKeys {
  readonly #vertex: GraphVertex;
  readonly #context: StepContext;
  readonly #description: Description | undefined;
  readonly #links = new Map<Flavour, Promise<RecordLink[][]>>();
  readonly #keys: Record<Flavour, Map<number, RecordKey>> = { definition: new Map(), content: new Map() };

  constructor(vertex: GraphVertex, context: StepContext) {
    this.#vertex = vertex;
    this.#context = context;
    this.#description = describe(vertex);
  }

  /** The keys of a source. @param texts see `cache/buildkit/source.ts` */
  static ofSource(texts: readonly string[]): readonly RecordKey[] {
    return texts.map(sourceKey);
  }

  /**
   * The keys of some results, as far as they can be told: one that reads a build context has none by definition alone.
   * For content only files that are at hand are read.
   */
  async make(flavour: Flavour, outputs: readonly number[]): Promise<OutputKeys> {
    const known = this.#keys[flavour];
    const missing = outputs.filter(output => !known.has(output));
    if (this.#description !== undefined && missing.length > 0) {
      let links = this.#links.get(flavour);
      if (links === undefined) {
        links = this.#link(flavour, this.#description);
        this.#links.set(flavour, links);
      }
      const inputs = await links;
      const isFresh = this.#vertex.metadata.ignoreCache === true;
      if (inputs.every(each => each.length > 0))
        for (const output of missing)
          if (!known.has(output))
            known.set(output, outputKey(this.#description.digest, output, inputs, isFresh));
    }
    return known;
  }

  async #link(flavour: Flavour, { inputs }: Description): Promise<RecordLink[][]> {
    return Promise.all(
      inputs.map(async ({ selector, content }, i): Promise<RecordLink[]> => {
        const { digest, index } = this.#vertex.inputs[i]!;
        const input = this.#context.step(digest);
        const links = (await input.recordKeys(index)).map(key => ({ key, selector }));
        const files = flavour === 'content' && content && (await this.#contentOf(input, index, content));
        return files ? [...links, { key: contentRootKey(files), selector: '' }] : links;
      }),
    );
  }

  /** Nothing where the files are not at hand, are not there, or changed meanwhile: the step itself may tell of it. */
  async #contentOf(input: StepResult, index: number, selectors: readonly Selector[]) {
    try {
      const tree = await input.treeAtHand(index);
      return tree && (await contentDigest(tree, selectors, new Pace(this.#context.services.signal)));
    } catch (error) {
      this.#context.services.signal.throwIfAborted();
      if (error instanceof StagecraftError) return undefined;
      throw error;
    }
  }
}
