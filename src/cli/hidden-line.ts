import { openSync, writeSync } from 'node:fs';
import { ReadStream } from 'node:tty';
import { StagecraftError } from '../util/errors.ts';

/** The terminal of this process, whatever standard input is; nothing where there is none. */
export function openTerminal(): number | undefined {
  try {
    return openSync('/dev/tty', 'r+');
  } catch {
    return undefined;
  }
}

/** Reads a line that is not shown, from a terminal that is closed then. @throws StagecraftError `cancelled` */
export function readHidden(fd: number, prompt: string, signal: AbortSignal): Promise<string> {
  const input = new ReadStream(fd);
  const line: number[] = [];
  return new Promise<string>((resolve, reject) => {
    const stop = (): void => reject(new StagecraftError('cancelled', 'The user stopped it.'));
    signal.addEventListener('abort', stop, { once: true });
    input.setRawMode(true);
    writeSync(fd, prompt);
    input.once('error', reject);
    input.once('end', () => resolve(textOf(line)));
    input.on('data', (typed: Buffer) => {
      for (const byte of typed) {
        if (byte === keys.enter || byte === keys.newLine || byte === keys.end) resolve(textOf(line));
        else if (byte === keys.interrupt) process.kill(process.pid, 'SIGINT');
        else if (byte === keys.erase || byte === keys.backspace) line.pop();
        else line.push(byte);
      }
    });
  }).finally(() => {
    input.setRawMode(false);
    writeSync(fd, '\n');
    input.destroy();
  });
}

/** A terminal that shows nothing leaves these to its reader: ASCII. */
const keys = { interrupt: 3, end: 4, backspace: 8, newLine: 10, enter: 13, erase: 127 } as const;

function textOf(line: readonly number[]): string {
  return Buffer.from(line).toString('utf8');
}
