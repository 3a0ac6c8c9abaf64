import { expandWord as expand, expandHeredoc, expandWords } from '../dockerfile/expand.ts';
import { expandInstruction } from '../dockerfile/expand-instruction.ts';
import { resolveMount } from '../dockerfile/mounts.ts';
import type {
  Dockerfile,
  Environment,
  Expansion,
  Mount,
  MountFlag,
  StageInstruction,
} from '../dockerfile/types.ts';
import { StagecraftError } from '../util/errors.ts';
import { nearest } from '../util/suggest.ts';
import { builderArgs } from './arguments.ts';
import type { Planner } from './planner.ts';
import type { StagePlan } from './stage-plan.ts';

/** A word of the file with its variables replaced and its quotes gone. */
export function expandWord(file: Dockerfile, word: string, env: Environment): Expansion {
  return expand(word, env, { escape: file.escape });
}

/** Replaces variables in one instruction by what the stage knows before it, and warns of unknown ones. */
export class Expander {
  readonly #planner: Planner;
  readonly #stage: StagePlan;
  readonly #instruction: StageInstruction;

  constructor(planner: Planner, stage: StagePlan, instruction: StageInstruction) {
    this.#planner = planner;
    this.#stage = stage;
    this.#instruction = instruction;
  }

  /** The instruction with everything expanded that its kind lets be; not so mounts and the values of ARG. */
  instruction(): StageInstruction {
    // A default that is not used may be wrong.
    if (this.#instruction.kind === 'ARG') return this.#instruction;
    return expandInstruction(
      this.#instruction,
      word => this.word(word),
      body => this.#result(expandHeredoc(body, this.#stage.env)),
    );
  }

  word(word: string): string {
    return this.#result(expandWord(this.#planner.file, word, this.#stage.env));
  }

  /** The words that one word becomes, as EXPOSE has it. */
  words(word: string): string[] {
    const words = expandWords(word, this.#stage.env, { escape: this.#planner.file.escape });
    this.#planner.budget.spend(words.reduce((sum, each) => sum + each.length, 0));
    return words;
  }

  mount(flag: MountFlag): Mount {
    return resolveMount(flag, value => this.word(value));
  }

  /** The instruction as progress shows it: as written, with values in place of variables. */
  shown(text: string): string {
    return this.#shown(text, this.#stage.env, {});
  }

  /** As {@link shown}, but quotes stay, variables of the shell stay, and these variables stay secret. */
  shownRun(text: string, masked: readonly string[]): string {
    const env = { get: (name: string) => (masked.includes(name) ? '****' : this.#stage.env.get(name)) };
    return this.#shown(text, env, { rawQuotes: true, keepUnset: true });
  }

  /** A shell may understand more than a Dockerfile; then the text is shown as it is. */
  #shown(text: string, env: Environment, options: { rawQuotes?: boolean; keepUnset?: boolean }): string {
    try {
      return expand(text, env, { escape: this.#planner.file.escape, ...options }).result;
    } catch (error) {
      if (error instanceof StagecraftError) return text;
      throw error;
    }
  }

  #result(expansion: Expansion): string {
    const stage = this.#stage;
    this.#planner.budget.spend(expansion.result.length);
    for (const name of expansion.unmatched) {
      if (stage.buildArgs.some(arg => arg.key === name) || builderArgs.has(name)) continue;
      const meant = nearest(name, stage.env.names());
      this.#planner.warnings.add(
        'UndefinedVar',
        `Usage of undefined variable '$${name}'${meant === undefined ? '' : ` (did you mean $${meant}?)`}`,
        this.#instruction.range,
      );
    }
    return expansion.result;
  }
}
