import xterm from '@xterm/headless';
import { type Digest, digestOf } from '../util/digest.ts';
import type { OutputStream, SolveStatus, Vertex } from './types.ts';

/** Builds events of steps by name, on a clock that tests set: seconds after an arbitrary start. */
export class EventScript {
  readonly #start: number;

  constructor(start = Date.now()) {
    this.#start = start;
  }

  time(seconds: number): string {
    return new Date(this.#start + seconds * 1000).toISOString();
  }

  announce(...names: string[]): SolveStatus {
    return { vertexes: names.map(name => ({ digest: stepDigest(name), name })) };
  }

  start(name: string, at: number): SolveStatus {
    return { vertexes: [{ digest: stepDigest(name), name, started: this.time(at) }] };
  }

  complete(name: string, from: number, to: number, rest: Partial<Vertex> = {}): SolveStatus {
    const times = { started: this.time(from), completed: this.time(to) };
    return { vertexes: [{ digest: stepDigest(name), name, ...times, ...rest }] };
  }

  output(name: string, at: number, text: string | Uint8Array, stream: 1 | 2 = 1): SolveStatus {
    const data = Buffer.from(text as string).toString('base64');
    return { logs: [{ vertex: stepDigest(name), stream, data, timestamp: this.time(at) }] };
  }

  measure(
    name: string,
    id: string,
    at: number,
    values: { current: number; total?: number; from?: number; completed?: boolean },
  ): SolveStatus {
    const { current, total, from = at, completed } = values;
    return {
      statuses: [
        {
          id,
          vertex: stepDigest(name),
          current,
          ...(total !== undefined && { total }),
          timestamp: this.time(at),
          started: this.time(from),
          ...(completed && { completed: this.time(at) }),
        },
      ],
    };
  }

  warn(name: string, text: string): SolveStatus {
    return {
      warnings: [{ vertex: stepDigest(name), level: 1, short: Buffer.from(text).toString('base64') }],
    };
  }
}

function stepDigest(name: string): Digest {
  return digestOf(name);
}

/** A stream that keeps what is written to it. */
export class TextStream implements OutputStream {
  text = '';

  write(chunk: string | Uint8Array): void {
    this.text += typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString();
  }
}

type TerminalAction = { text: string } | { columns: number; rows: number };

/**
 * A terminal that nobody sees: it interprets what is written to it as a real one would. It does so when asked for its
 * lines, so that tests may stop the clock before.
 */
export class FakeTerminal implements OutputStream {
  readonly isTTY = true;
  columns: number;
  rows: number;
  readonly #actions: TerminalAction[];
  #resized: (() => void) | undefined;

  constructor(columns: number, rows: number) {
    this.columns = columns;
    this.rows = rows;
    this.#actions = [{ columns, rows }];
  }

  write(chunk: string | Uint8Array): void {
    const text = typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString();
    this.#actions.push({ text });
  }

  on(_event: 'resize', listener: () => void): void {
    this.#resized = listener;
  }

  off(): void {
    this.#resized = undefined;
  }

  resize(columns: number, rows: number): void {
    this.columns = columns;
    this.rows = rows;
    this.#actions.push({ columns, rows });
    this.#resized?.();
  }

  /** True while someone listens for a change of size. */
  get watched(): boolean {
    return this.#resized !== undefined;
  }

  /** All that was written, as it came. */
  get written(): string {
    return this.#actions.map(action => ('text' in action ? action.text : '')).join('');
  }

  /** What stands on the terminal, with what scrolled away, without empty lines at the end. */
  async lines(): Promise<string[]> {
    const terminal = new xterm.Terminal({ cols: 1, rows: 1, scrollback: 1000, allowProposedApi: true });
    for (const action of this.#actions) {
      await new Promise<void>(resolve => {
        // The line discipline of a terminal adds the carriage return.
        if ('text' in action) terminal.write(action.text.replace(/\r?\n/g, '\r\n'), resolve);
        else resolve(terminal.resize(action.columns, action.rows));
      });
    }
    const buffer = terminal.buffer.active;
    const lines = Array.from({ length: buffer.length }, (_, i) => buffer.getLine(i)!.translateToString(true));
    terminal.dispose();
    while (lines.at(-1) === '') lines.pop();
    return lines;
  }
}
