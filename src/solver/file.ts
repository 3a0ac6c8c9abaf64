import { placeOf } from '../cache/keys.ts';
import { executeFileOp } from '../fileop/execute.ts';
import { contentKeyOfFileOp } from '../fileop/key.ts';
import type { FileOp, GraphVertex } from '../llb/index.ts';
import type { LayerId } from '../snapshot/types.ts';
import type { Reporter } from './reporter.ts';
import type { Output, StepContext, Work, WorkResult } from './types.ts';

/** `COPY`, `ADD`, `WORKDIR` and heredocs: changes of files without a process. */
export class FileWork implements Work {
  readonly readsContent: boolean;
  readonly #vertex: GraphVertex;
  readonly #op: FileOp;
  readonly #context: StepContext;

  constructor(vertex: GraphVertex, op: FileOp, context: StepContext) {
    this.#vertex = vertex;
    this.#op = op;
    this.#context = context;
    this.readsContent = op.actions.some(action => action.action?.kind === 'copy');
  }

  onlyReads(input: number): boolean {
    return this.#op.actions.every(action => action.input !== input);
  }

  async content(inputKeys: readonly string[], reporter: Reporter): Promise<string[]> {
    const inputs = this.#vertex.inputs.map((edge, i) => ({
      key: inputKeys[i] as string,
      tree: () => this.#context.step(edge.digest).tree(edge.index),
    }));
    const { signal } = this.#context.services;
    const onNoMatch = (patterns: readonly string[]) => {
      const shown = patterns.map(pattern => JSON.stringify(pattern.replace(/^\//, ''))).join(', ');
      const detail =
        'A pattern may match nothing. If it should not here, look at its spelling and at .dockerignore.';
      reporter.warn(`Nothing matches ${shown}, so nothing is copied.`, detail, this.#vertex.metadata.range);
    };
    return [await contentKeyOfFileOp(this.#op, inputs, { signal, onNoMatch })];
  }

  async run(inputs: readonly Output[]): Promise<WorkResult> {
    const { services } = this.#context;
    const place = placeOf(this.#vertex, this.#origin());
    const previous = this.#previous(place);
    const bases = await Promise.all(inputs.map((input, i) => this.#baseOf(input, i)));
    const { outputs, cacheable } = await executeFileOp(this.#op, bases, services, previous);
    const made = outputs.flatMap(rootFs => rootFs.at(-1) ?? []);
    services.store
      .prepare('INSERT OR REPLACE INTO previous_copies VALUES (?, ?)')
      .run(place, JSON.stringify(made));
    return { outputs: [...outputs], cacheable };
  }

  /** A build context, or another source that is no layers, becomes layers where the operation builds on it. */
  async #baseOf(input: Output, index: number): Promise<Output> {
    if ('rootFs' in input || this.onlyReads(index)) return input;
    const edge = this.#vertex.inputs[index]!;
    return { rootFs: await this.#context.step(edge.digest).rootFs(edge.index) };
  }

  /** The layers that this copy made the last time, from which unchanged files are linked. */
  #previous(place: string): LayerId[] {
    const { store, layers } = this.#context.services;
    const row = store.prepare('SELECT layers FROM previous_copies WHERE place = ?').get(place);
    if (row === undefined) return [];
    return (JSON.parse(row.layers as string) as LayerId[]).filter(layer => layers.has(layer));
  }

  /** Where the copied files come from; two projects with the same `COPY . /app` keep apart. */
  #origin(): string {
    return this.#vertex.inputs.map(edge => this.#context.step(edge.digest).origin).join(' ');
  }
}
