import { createInterface } from 'node:readline/promises';
import { StagecraftError } from '../util/errors.ts';
import type { Surroundings } from './command.ts';

/**
 * Asks a question on the terminal; anything but yes is no.
 * @throws StagecraftError `usage` when there is no terminal to ask on
 */
export async function askYesNo(
  question: string,
  { stdin, stderr, signal }: Pick<Surroundings, 'stdin' | 'stderr' | 'signal'>,
): Promise<boolean> {
  if (!stdin.isTTY)
    throw new StagecraftError('usage', 'There is no terminal to ask on.', {
      hint: 'Use --force to go on without.',
    });
  const reader = createInterface({ input: stdin, output: stderr });
  try {
    const answer = await reader.question(`${question} [y/N] `, { signal });
    return /^y(es)?$/i.test(answer.trim());
  } finally {
    reader.close();
  }
}
