import type { FileAction, FileOp } from '../llb/ops.ts';
import type { FileTree, LayerId, RootFs } from '../snapshot/types.ts';
import { DigestTable } from '../source/digest-table.ts';
import { digestsFile } from '../source/layers.ts';
import type { DigestedTree } from '../source/types.ts';
import { StagecraftError } from '../util/errors.ts';
import { Pace } from '../util/pace.ts';
import { copy } from './copy.ts';
import { mkdir, mkfile, rm, symlink } from './make.ts';
import type { Making, PreviousLayer } from './making.ts';
import { OpenLayer } from './open-layer.ts';
import { resolveOwner } from './owner.ts';
import type { ExecuteFileOp, FileOpInput, FileOpServices } from './types.ts';

export const executeFileOp: ExecuteFileOp = async (op, inputs, services, previous = []) => {
  const run = new FileOpRun(op, inputs, services, previous);
  try {
    return { outputs: await run.outputs(), cacheable: !run.hasChange };
  } finally {
    run.discard();
  }
};

/** What an input or an action holds: files to copy from, a root file system, or a draft that an action may go on with. */
type State = FileOpInput | { readonly layer: OpenLayer };

class FileOpRun {
  readonly #op: FileOp;
  readonly #inputs: readonly FileOpInput[];
  readonly #services: FileOpServices;
  readonly #previous: readonly PreviousLayer[];
  readonly #pace: Pace;
  readonly #states = new Map<number, Promise<State>>();
  readonly #open = new Set<OpenLayer>();
  #makers: ReadonlySet<LayerId> | undefined;
  hasChange = false;

  constructor(
    op: FileOp,
    inputs: readonly FileOpInput[],
    services: FileOpServices,
    previous: readonly LayerId[],
  ) {
    this.#op = op;
    this.#inputs = inputs;
    this.#services = services;
    this.#pace = new Pace(services.signal);
    const { layers } = services;
    // Tables of their own, which go when the operation is done: nobody else reads these layers.
    this.#previous = previous
      .filter(id => layers.has(id))
      .map(id => ({ id, dir: layers.dir(id), table: DigestTable.load(digestsFile(layers.dir(id))) }));
  }

  /** What each output holds once the actions that lead to it have run. */
  async outputs(): Promise<RootFs[]> {
    const outputs: RootFs[] = [];
    for (const [i, action] of this.#op.actions.entries())
      if (action.output >= 0) outputs[action.output] = await this.#rootFs(this.#inputs.length + i);
    if (outputs.length === 0 || outputs.includes(undefined as never))
      throw new StagecraftError('usage', 'A file operation names no output, or not all up to the highest.');
    return outputs;
  }

  discard(): void {
    for (const layer of this.#open) layer.discard();
    this.#open.clear();
  }

  #state(index: number, path: readonly number[] = []): Promise<State> {
    if (path.includes(index))
      throw new StagecraftError('usage', 'The actions of a file operation need each other in a circle.');
    let state = this.#states.get(index);
    if (state === undefined) {
      state = this.#evaluate(index, [...path, index]);
      this.#states.set(index, state);
    }
    return state;
  }

  async #evaluate(index: number, path: readonly number[]): Promise<State> {
    if (index === -1) return { rootFs: [] };
    const input = this.#inputs[index];
    if (input !== undefined) return input;
    const action = this.#op.actions[index - this.#inputs.length];
    if (action === undefined)
      throw new StagecraftError('usage', `A file operation has no input or action ${index}.`);
    const base = await this.#state(action.input, path);
    if ('tree' in base)
      throw new StagecraftError('usage', 'A build context can be copied from, but not built upon.');
    const layer = 'layer' in base ? base.layer : new OpenLayer(this.#services, base.rootFs);
    this.#open.add(layer);
    await this.#apply(action, layer, path);
    return this.#isKept(index) ? { rootFs: this.#commit(layer) } : { layer };
  }

  /** Whether anything but one following action needs what an action made. */
  #isKept(index: number): boolean {
    let builders = 0;
    for (const [i, action] of this.#op.actions.entries()) {
      if (this.#inputs.length + i === index && action.output >= 0) return true;
      if (action.input === index) builders++;
      if (
        action.secondaryInput === index ||
        namesIn(action).some(name => name === index && name !== action.input)
      )
        return true;
    }
    return builders !== 1;
  }

  #commit(layer: OpenLayer): RootFs {
    const rootFs = layer.commit();
    this.#open.delete(layer);
    return rootFs;
  }

  async #rootFs(index: number): Promise<RootFs> {
    const state = await this.#state(index);
    if ('rootFs' in state) return state.rootFs;
    throw new StagecraftError('usage', `Output ${index} of a file operation is not a root file system.`);
  }

  async #apply(action: FileAction, layer: OpenLayer, path: readonly number[]): Promise<void> {
    const what = action.action;
    if (what === undefined) throw new StagecraftError('usage', 'A file operation has an empty action.');
    const trees = new Map<number, FileTree>();
    for (const input of namesIn(action))
      trees.set(input, input === action.input ? layer.writer.tree : await this.#tree(input, path));
    const owner = what.kind === 'rm' ? undefined : what.owner;
    const making: Making = {
      pace: this.#pace,
      previous: this.#previous,
      mayShare: !this.#services.unshared,
      isSourceMaker: layer => this.#sourceMakers().has(layer),
      owner: owner && resolveOwner(owner, input => trees.get(input)!),
      onChange: () => {
        this.hasChange = true;
      },
    };
    switch (what.kind) {
      case 'copy':
        return await copy(what, await this.#tree(action.secondaryInput, path), layer, making);
      case 'mkdir':
        return mkdir(what, layer, making);
      case 'mkfile':
        return mkfile(what, layer, making);
      case 'symlink':
        return symlink(what, layer, making);
      case 'rm':
        return rm(what, layer);
    }
  }

  #sourceMakers(): ReadonlySet<LayerId> {
    if (this.#makers === undefined) {
      const sources = new Set(this.#op.actions.map(action => action.secondaryInput));
      const layers = [...sources].flatMap(index => {
        const input = this.#inputs[index];
        return input !== undefined && 'rootFs' in input ? input.rootFs : [];
      });
      const { digests } = this.#services;
      this.#makers = new Set(layers.flatMap(id => [id, ...digests.table(id).origins]));
    }
    return this.#makers;
  }

  async #tree(index: number, path: readonly number[]): Promise<DigestedTree> {
    const state = await this.#state(index, path);
    if ('tree' in state) return state.tree;
    if ('rootFs' in state) return this.#services.digests.tree(state.rootFs);
    throw new StagecraftError('usage', 'A file operation reads what an action has not finished.');
  }
}

/** The inputs in which an action looks up names of users and groups. */
function namesIn({ action }: FileAction): number[] {
  if (action === undefined || action.kind === 'rm') return [];
  return [action.owner?.user?.byName, action.owner?.group?.byName]
    .filter(name => name !== undefined)
    .map(name => name.input);
}
