import type { Mount, Stage, StageInstruction } from '../dockerfile/types.ts';
import type { HistoryEntry, ImageConfig, Platform } from '../image/types.ts';
import type { Tree } from '../llb/index.ts';
import type { SourceRange } from '../util/errors.ts';
import { Env } from './env.ts';
import type { NamedContext } from './types.ts';

/** One instruction of a stage, with the stages and images it reads from. */
export interface PlannedStep {
  readonly instruction: StageInstruction;
  /** For `COPY --from` one; for RUN one for each `--mount`, absent where it has no `from`. */
  readonly sources: readonly (StagePlan | undefined)[];
  /** From an ONBUILD trigger of the base. */
  readonly onBuild: boolean;
  /** What planning knew of it; absent until it was planned. */
  known?: KnownStep;
}

/** A step with the state of its stage in which it is carried out. */
export interface KnownStep {
  /** With its variables replaced, as far as the language does that before it is carried out. */
  readonly instruction: StageInstruction;
  readonly env: Env;
  readonly cwd: string;
  readonly user: string;
  /** Of SHELL; absent where none was said. */
  readonly shell: readonly string[] | undefined;
  /** Of RUN, one for each `--mount`. */
  readonly mounts: readonly Mount[];
  /** The stage's files before it. */
  readonly below: Tree;
}

/**
 * A stage on its way to a graph, or an image that `--from` names, which is a stage without instructions. What it is
 * made of is fixed; what its instructions have made so far changes while they are planned, one after another.
 */
export class StagePlan {
  /** Absent for an image of `--from`. */
  readonly stage: Stage | undefined;
  /** Position in the file; -1 for an image of `--from`. */
  readonly index: number;
  /** What it is made from, expanded: a stage, an image or `scratch`. */
  baseName: string;
  /** The same as the file has it: an image not yet pinned by its digest. */
  readonly wantedBase: string;
  /** Where that is said. */
  readonly range: SourceRange;
  /** For progress names: `builder`, `stage-1`, or nothing where there is only one. */
  label: string;
  /** The earlier stage that it is made from. */
  base: StagePlan | undefined;
  /** `--build-context` that stands in for the whole stage. */
  replacement: { name: string; context: NamedContext } | undefined;
  steps: PlannedStep[] = [];
  readonly dependencies = new Set<StagePlan>();

  /** False where the config of its base image, or of that of its base stage, is not at hand. */
  isBaseKnown = true;
  /** What its base image, or that of its base stage, says of how it was made. */
  baseHistory: readonly HistoryEntry[] = [];
  /** True once the base image is known. */
  resolved = false;
  /** True once all its instructions are planned: then others may read from it. */
  planned = false;
  /** True once the triggers of its base are among its steps. */
  triggered = false;
  ignoreCache = false;
  /** True once the stage has a CMD of its own. */
  hasCmd = false;
  /** True once WORKDIR was used in this Dockerfile. */
  workdirSet = false;

  tree: Tree;
  /** Makes the tree of a base image, when planning gets there. */
  makeBase: (() => Tree) | undefined;
  /** With the history of the base image, without that of stages. */
  image: ImageConfig;
  /** Of its own instructions. */
  readonly history: HistoryEntry[] = [];
  /** For each entry of it the line that made it; nothing for triggers of the base image. */
  readonly historyLines: (number | undefined)[] = [];
  env = Env.of([]);
  /** Working directory. */
  cwd = '/';
  user = '';
  /** Of `FROM --platform`, later that of the base; the target's if absent. */
  platform: Platform | undefined;
  /** Members of its config that no other stage has, and that it may change. */
  readonly own = new Set<object>();
  /** Every ARG so far, also of base stages. */
  buildArgs: { key: string; value: string | undefined }[] = [];
  /** Paths that it reads from the build context. */
  readonly contextPaths = new Set<string>();
  /** Paths that are read from it; shared with its base stage, whose files they are. */
  usedPaths = new Set<string>();
  /** Steps that have a number in progress names. */
  numbered = 0;
  #numberedSoFar = 0;

  constructor(made: {
    stage?: Stage;
    baseName: string;
    range: SourceRange;
    label: string;
    image: ImageConfig;
  }) {
    this.stage = made.stage;
    this.index = made.stage?.index ?? -1;
    this.baseName = made.baseName;
    this.wantedBase = made.baseName;
    this.range = made.range;
    this.label = made.label;
    this.image = made.image;
  }

  get name(): string | undefined {
    return this.stage?.name;
  }

  /** For messages: `"builder"`, or `number 2` where it has no name. */
  get title(): string {
    return this.name === undefined ? `number ${this.index}` : `"${this.name}"`;
  }

  /** The next number of a step: `[builder 2/5] `. `again` gives the last one once more. */
  stepPrefix(platform: string, again = false): string {
    if (this.numbered === 0) return '';
    if (!again) this.#numberedSoFar++;
    const number = String(this.#numberedSoFar).padStart(String(this.numbered).length);
    const parts = [platform, this.label, `${number}/${this.numbered}`].filter(Boolean);
    return `[${parts.join(' ')}] `;
  }

  /** Puts the files of the base image in place. */
  startFromBase(): void {
    if (this.makeBase !== undefined) this.tree = this.makeBase();
    this.makeBase = undefined;
  }

  /** Takes over what its base stage has made. */
  inherit(base: StagePlan): void {
    this.tree = base.tree;
    const { OnBuild: _, ...config } = base.image.config ?? {};
    this.image = { ...base.image, config };
    this.baseHistory = base.baseHistory;
    this.env = base.env;
    this.cwd = base.cwd;
    this.user = base.user;
    this.platform = base.platform;
    this.buildArgs = [...base.buildArgs];
    this.usedPaths = base.usedPaths;
    this.workdirSet = base.workdirSet;
    this.isBaseKnown = base.isBaseKnown;
  }
}

/** These stages, and everything that they read from, all the way down; each once. */
export function reachableFrom(stages: readonly StagePlan[]): Set<StagePlan> {
  const reached = new Set<StagePlan>();
  const open = [...stages];
  for (let stage = open.pop(); stage !== undefined; stage = open.pop()) {
    if (reached.has(stage)) continue;
    reached.add(stage);
    if (stage.base !== undefined) open.push(stage.base);
    open.push(...stage.dependencies);
  }
  return reached;
}
