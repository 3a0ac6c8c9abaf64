import { createInterface } from 'node:readline/promises';
import { StagecraftError } from '../util/errors.ts';
import type { Surroundings } from './command.ts';
import { openTerminal, readHidden } from './hidden-line.ts';

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

/** Asks for a line of text on the terminal. @throws StagecraftError `usage` when there is no terminal to ask on */
export async function askText(
  question: string,
  { stdin, stderr, signal }: Pick<Surroundings, 'stdin' | 'stderr' | 'signal'>,
): Promise<string> {
  if (!stdin.isTTY) throw noTerminal(question);
  const reader = createInterface({ input: stdin, output: stderr });
  try {
    return (await reader.question(question, { signal })).trim();
  } finally {
    reader.close();
  }
}

/** Asks for what nobody should see. @throws as {@link askText} */
export async function askSecret(question: string, { signal }: Pick<Surroundings, 'signal'>): Promise<string> {
  const terminal = openTerminal();
  if (terminal === undefined) throw noTerminal(question);
  return readHidden(terminal, question, signal);
}

function noTerminal(question: string): StagecraftError {
  const what = question.replace(/[: ]+$/, '').toLowerCase();
  return new StagecraftError('usage', `There is no terminal to ask for the ${what} on.`, {
    hint: 'Give both by flags: --username NAME --password-stdin.',
  });
}
