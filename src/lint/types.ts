import type { Dockerfile, Stage } from '../dockerfile/types.ts';
import type { PlannedStep, StagePlan } from '../frontend/stage-plan.ts';
import type { FrontendResult } from '../frontend/types.ts';
import type { ImageConfig } from '../image/types.ts';
import type { FileTree } from '../snapshot/types.ts';
import type { SourceRange } from '../util/errors.ts';

/** One check: looks at its subject and reports what it finds. It throws nothing and changes nothing. */
export interface Rule<Subject> {
  /** As `# check=skip=` names it: `StageNameCasing`. */
  readonly name: string;
  /** One line: what should be so. */
  readonly description: string;
  /** The page about it: BuildKit's, or ours from the root of this package. */
  readonly url: string;
  /** Advice is given by `check` alone, warnings also during builds. */
  readonly level: 'warning' | 'advice';
  /** True for a rule that is looked at only where `# check=experimental=` names it. */
  readonly experimental?: boolean;
  check(subject: Subject, report: Report): void | Promise<void>;
}

export type Report = (found: { message: string; range: SourceRange; fix?: Fix | undefined }) => void;

/** A change of the Dockerfile that mends a finding and changes nothing of what is built, unless its title says so. */
export interface Fix {
  /** What it does, in the imperative: `Write "AS" in upper case`. */
  readonly title: string;
  readonly edits: readonly Edit[];
}

/** Replaces what stands at the range. Columns count UTF-16 units from 1, as everywhere. */
export interface Edit {
  readonly range: SourceRange;
  readonly text: string;
}

/** What the text tells, and what became of its instructions where they could be planned. */
export interface SyntaxSubject {
  readonly file: Dockerfile;
  /**
   * The stages to look into: those that the target needs, or all where no target was asked for. What concerns the
   * file as a whole, such as names of stages, is looked for in `file.stages`.
   */
  readonly stages: readonly Stage[];
  /** The same stages as they are gone through: the triggers that a base brought first. */
  readonly steps: readonly (readonly Step[])[];
}

/** An instruction as it is written, and, where planning got there, with its variables replaced. */
export type Step = Pick<PlannedStep, 'instruction' | 'known'>;

/** What planning found out. Only where the Dockerfile could be planned. */
export interface PlanSubject {
  readonly file: Dockerfile;
  /** Graph and config of the target. */
  readonly result: FrontendResult;
  readonly target: StagePlan;
  /** Every stage of the file. `planned` tells which of them were gone through. */
  readonly stages: readonly StagePlan[];
  /**
   * What the target needs, itself included, and images that `--from` names. Of a stage, `isBaseKnown` is false where
   * the config of its base image is not at hand: rules that need it must be silent then.
   */
  readonly reached: ReadonlySet<StagePlan>;
  /** Of the main context's ignore file, in order. */
  readonly ignorePatterns: readonly string[];
  /** The build context without what its ignore file leaves out; nothing where it cannot be looked at. */
  readonly context: FileTree | undefined;
}

/** What was built. */
export interface ImageSubject extends PlanSubject {
  /** The root file system of the target. */
  readonly tree: FileTree;
  /** As it is, or would be, in the image. */
  readonly config: ImageConfig;
  /** False where nothing of its files is new since an earlier build, for rules that look through all of them. */
  readonly isNew: boolean;
  /** What was found before it was built: not to be said twice. */
  readonly told: readonly Finding[];
}

/** One thing that a rule found. */
export interface Finding {
  readonly rule: string;
  readonly message: string;
  readonly description: string;
  readonly url?: string | undefined;
  readonly level: 'warning' | 'advice';
  readonly experimental: boolean;
  readonly range: SourceRange;
  readonly fix?: Fix | undefined;
}
