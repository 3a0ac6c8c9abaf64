import type { StageInstruction } from '../dockerfile/types.ts';
import type { ImageConfig } from '../image/types.ts';
import { type SourceRange, StagecraftError } from '../util/errors.ts';
import { suggest } from '../util/suggest.ts';
import { StagePlan } from './stage-plan.ts';

/** The stages of a Dockerfile, and the images that `--from` names. */
export class StageTable {
  readonly stages: StagePlan[] = [];
  /** One for each use; an image used twice is one source in the graph anyhow. */
  readonly images: StagePlan[] = [];
  readonly #byName = new Map<string, StagePlan>();
  readonly #emptyImage: ImageConfig;

  constructor(emptyImage: ImageConfig) {
    this.#emptyImage = emptyImage;
  }

  add(stage: StagePlan): void {
    this.stages.push(stage);
    if (stage.name !== undefined) this.#byName.set(stage.name, stage);
  }

  /** Of two stages of one name, the later one so far. */
  byName(name: string): StagePlan | undefined {
    return this.#byName.get(name.toLowerCase());
  }

  /** The stage that `FROM name` means: there, unlike elsewhere, a name is in lower case as stages' names are. */
  base(name: string): StagePlan | undefined {
    return this.#byName.get(name);
  }

  names(): string[] {
    return [...this.#byName.keys()];
  }

  /** @throws StagecraftError `usage` */
  target(name: string | undefined): StagePlan {
    const stage =
      name === undefined || name === ''
        ? this.stages.at(-1)
        : (this.byName(name) ?? (/^[0-9]+$/.test(name) ? this.stages[Number(name)] : undefined));
    if (stage !== undefined) return stage;
    const meant = suggest(name ?? '', this.names());
    const known = this.names().map(each => `"${each}"`);
    throw new StagecraftError('usage', `The Dockerfile has no stage "${name}" to build.`, {
      hint:
        meant !== undefined
          ? `Did you mean "${meant}"?`
          : known.length > 0
            ? `Its stages are ${known.join(', ')}.`
            : `Its stages have no names; give a number from 0 to ${this.stages.length - 1}.`,
    });
  }

  /**
   * What `COPY --from` names: a stage by name or number, else an image.
   * @throws StagecraftError `dockerfile` for a number that no stage has
   */
  copySource(from: string, range: SourceRange): StagePlan {
    if (this.byName(from) === undefined && /^[+-]?[0-9]+$/.test(from)) {
      const numbered = this.stages[Number(from)];
      if (numbered !== undefined) return numbered;
      throw new StagecraftError('dockerfile', `There is no stage number ${Number(from)}.`, {
        hint: `Stages are numbered from 0; this Dockerfile has ${this.stages.length}.`,
        range,
      });
    }
    return this.mountSource(from, range);
  }

  /** What `RUN --mount=from` names: a stage by name, else an image; a number is no stage here. */
  mountSource(from: string, range: SourceRange): StagePlan {
    const stage = this.byName(from);
    if (stage !== undefined) return stage;
    const image = new StagePlan({ baseName: from, range, label: '', image: this.#emptyImage });
    this.images.push(image);
    return image;
  }
}

/** Adds instructions to a stage: at its end, or, triggers of its base, at its start. */
export function addSteps(
  table: StageTable,
  stage: StagePlan,
  instructions: readonly StageInstruction[],
  onBuild: boolean,
): void {
  const steps = instructions.map(instruction => {
    const sources = sourcesOf(table, instruction);
    for (const source of sources) if (source !== undefined) stage.dependencies.add(source);
    return { instruction, sources, onBuild };
  });
  stage.steps = onBuild ? [...steps, ...stage.steps] : [...stage.steps, ...steps];
}

function sourcesOf(table: StageTable, instruction: StageInstruction): (StagePlan | undefined)[] {
  if (instruction.kind === 'COPY' && instruction.from) {
    const { from, range } = instruction;
    return [table.copySource(withoutVariables('--from', from, range), range)];
  }
  if (instruction.kind !== 'RUN') return [];
  return instruction.mounts.map(mount => {
    const from = mount.fields.findLast(field => field.key === 'from')?.value;
    if (!from) return undefined;
    return table.mountSource(withoutVariables('--mount from', from, mount.range), mount.range);
  });
}

/** Which stages are needed must be known before any variable is. */
function withoutVariables(what: string, from: string, range: SourceRange): string {
  if (!/\$./s.test(from)) return from;
  throw new StagecraftError('dockerfile', `${what} cannot have a variable: "${from}".`, {
    hint: `Name it by a stage of its own, FROM ${from} AS name, with a global ARG, and use that name.`,
    range,
  });
}

/** Instructions that have a number in progress names. */
export function isNumbered(instruction: StageInstruction): boolean {
  return /^(?:ADD|COPY|RUN|WORKDIR)$/.test(instruction.kind);
}

/**
 * Refuses stages that need each other, also where the target does not reach them.
 * @throws StagecraftError `dockerfile`
 */
export function refuseCycles(table: StageTable): void {
  const safe = new Set<StagePlan>();
  for (const stage of table.stages) {
    // The way to where we are, in order, and what is still to be visited from each of its stages. A stack of our own:
    // nothing says how many stages a file may have.
    const way = safe.has(stage) ? [] : [stage];
    const open = new Map([[stage, neededBy(stage)]]);
    for (let at = way.at(-1); at !== undefined; at = way.at(-1)) {
      const next = open.get(at)!.pop();
      if (next === undefined) {
        safe.add(at);
        open.delete(at);
        way.pop();
      } else if (open.has(next)) {
        throw cycle(way.slice(way.indexOf(next)));
      } else if (!safe.has(next)) {
        open.set(next, neededBy(next));
        way.push(next);
      }
    }
  }
}

/** What the stage reads from, in the order in which it is to be taken from the end. */
function neededBy(stage: StagePlan): StagePlan[] {
  const needed = [...stage.dependencies];
  if (stage.base !== undefined) needed.push(stage.base);
  return needed.reverse();
}

function cycle(stages: readonly StagePlan[]): StagecraftError {
  const [first] = stages as [StagePlan];
  const message =
    stages.length === 1
      ? `Stage ${first.title} copies from itself.`
      : `Stages need each other in a circle: ${[...stages, first].map(s => s.title).join(' needs ')}.`;
  const next = stages[1] ?? first;
  const step = first.steps.find(s => s.sources.includes(next));
  return new StagecraftError('dockerfile', message, {
    hint: 'A stage can only use stages that are defined above it.',
    range: step?.instruction.range ?? first.range,
  });
}
