import type { CommandDisplay } from './display.ts';
import { openTerminal, readHidden } from './hidden-line.ts';

/**
 * Asks for the passphrases of key files on the terminal, one after the other, while the display waits. Standard input
 * may be something else. Nothing is answered where there is no terminal.
 */
export function passphraseAsker(
  display: Pick<CommandDisplay, 'pause'>,
  signal: AbortSignal,
): (file: string) => Promise<string | undefined> {
  let last: Promise<unknown> = Promise.resolve();
  return file => {
    const asked = last.then(async () => {
      const terminal = openTerminal();
      if (terminal === undefined) return undefined;
      const resume = display.pause();
      try {
        return await readHidden(terminal, `Enter passphrase for ${file}: `, signal);
      } finally {
        resume();
      }
    });
    last = asked.catch(() => {});
    return asked;
  };
}
