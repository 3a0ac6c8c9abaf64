import { StagecraftError } from '../util/errors.ts';

/** Twice what BuildKit's protocol lets a whole graph have. */
const limit = 32 * 1024 * 1024;

/**
 * Keeps a few lines from becoming more than a machine can hold: a variable that repeats itself doubles with each line,
 * and each process gets all of them. Counts characters of what planning makes.
 */
export class Budget {
  #left = limit;

  /** @throws StagecraftError `dockerfile` without a place when too much was spent */
  spend(characters: number): void {
    this.#left -= characters;
    if (this.#left >= 0) return;
    throw new StagecraftError(
      'dockerfile',
      'The variables, ports and history of this Dockerfile come to more than 32 million characters.',
      { hint: 'A variable that repeats itself doubles each time: look for ENV, ARG or LABEL that do.' },
    );
  }
}
