import { describeFailures, isCancellation } from './failures.ts';
import { type FrameLine, type FrameOptions, type LineStyle, renderFrame } from './frame.ts';
import { summarize } from './summary.ts';
import { BuildTrace, isRunning } from './trace.ts';
import type { Display, OutputStream, SolveStatus } from './types.ts';
import { fitText, textWidth } from './width.ts';

/** Milliseconds between two frames at least, and at most while something runs. */
const shortestPause = 60;
const longestPause = 100;
/** Lines of a failed step that are shown at the end. */
const repeatedLines = 100;

const styles: Record<LineStyle, string> = {
  header: '\u001b[1m',
  running: '',
  done: '\u001b[34m',
  failed: '\u001b[31m',
  cancelled: '\u001b[33m',
  warning: '\u001b[33m',
  output: '\u001b[2m',
};
const reset = '\u001b[0m';

// Every frame is one write that hides the cursor, holds the terminal's refresh and turns line wrap off, and ends all
// three again: whenever the process dies, the terminal is in order, and no line can take two rows.
const frameStart = '\u001b[?2026h\u001b[?25l\u001b[?7l';
const frameEnd = '\u001b[?7h\u001b[?25h\u001b[?2026l';

export interface TtyOptions {
  readonly color: boolean;
  /** True when the terminal wraps lines that are longer than its new width. */
  readonly reflows: boolean;
  /** What is done: `Building` unless said. */
  readonly doing?: string | undefined;
}

/** The live display on a terminal: a block of lines that is drawn over again as the build goes on. */
export class TtyDisplay implements Display {
  readonly #stream: OutputStream;
  readonly #options: TtyOptions;
  readonly #trace = new BuildTrace(repeatedLines);
  /** What stands on the terminal now, above the cursor, and the width that it was drawn for. */
  #drawn: FrameLine[] = [];
  #drawnWidth = 0;
  #lastDraw = 0;
  #timer: NodeJS.Timeout | undefined;
  #due = 0;
  #closed = false;
  #paused = false;

  constructor(stream: OutputStream, options: TtyOptions) {
    this.#stream = stream;
    this.#options = options;
    stream.on?.('resize', this.#redraw);
    process.on('SIGCONT', this.#startAnew);
  }

  readonly sink = (status: SolveStatus): void => {
    if (this.#closed) return;
    this.#trace.apply(status);
    const wait = this.#lastDraw + shortestPause - Date.now();
    if (wait <= 0) this.#redraw();
    else this.#schedule(wait);
  };

  close(error?: unknown): void {
    if (this.#closed) return;
    this.#letGo();
    if (this.#trace.started.length > 0) this.#draw({ outcome: outcomeOf(error), all: true });
    if (isCancellation(error)) return;
    if (error !== undefined) {
      this.#stream.write(describeFailures(this.#trace.started, true));
      return;
    }
    const summary = summarize(this.#trace);
    if (!summary) return;
    const width = this.#stream.columns || 80;
    const line: FrameLine = { left: fitText(` ${summary}`, width), right: '', style: 'output' };
    this.#stream.write(`${this.#paint(line, width)}\n`);
  }

  pause(): () => void {
    this.#paused = true;
    return () => {
      this.#paused = false;
      // What was written meanwhile stands below the display.
      if (!this.#closed) this.#startAnew();
    };
  }

  discard(): void {
    if (this.#closed) return;
    this.#letGo();
    const up = this.#rowsDrawn(this.#stream.columns || 80);
    if (up > 0) this.#stream.write(`\u001b[${up}A\r\u001b[J`);
  }

  #letGo(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#stream.off?.('resize', this.#redraw);
    process.off('SIGCONT', this.#startAnew);
  }

  readonly #redraw = (): void => {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#draw();
    if (this.#trace.started.some(isRunning)) this.#schedule(longestPause);
  };

  /** After the process was stopped, the shell wrote below the display: what was drawn is out of reach. */
  readonly #startAnew = (): void => {
    this.#drawn = [];
    this.#redraw();
  };

  #schedule(wait: number): void {
    const due = Date.now() + wait;
    if (this.#timer && this.#due <= due) return;
    clearTimeout(this.#timer);
    this.#due = due;
    this.#timer = setTimeout(this.#redraw, wait).unref();
  }

  #draw(end?: { outcome: FrameOptions['outcome']; all: true }): void {
    if (this.#paused) return;
    this.#lastDraw = Date.now();
    const width = this.#stream.columns || 80;
    // One row stays free for the cursor.
    const height = Math.max((this.#stream.rows || 24) - 1, 2);
    const lines = renderFrame(this.#trace, {
      width,
      now: this.#lastDraw,
      doing: this.#options.doing ?? 'Building',
      ...(end ? { outcome: end.outcome } : { height }),
    });
    const same = width === this.#drawnWidth && this.#drawn.length <= height;
    const up = this.#rowsDrawn(width);
    let out = `${frameStart}${up > 0 ? `\u001b[${up}A` : ''}\r`;
    lines.forEach((line, i) => {
      const old = this.#drawn[i];
      const unchanged =
        same && old?.left === line.left && old.right === line.right && old.style === line.style;
      out += unchanged ? '\r\n' : `\u001b[2K${this.#paint(line, width)}\r\n`;
    });
    this.#stream.write(`${out}\u001b[J${frameEnd}`);
    this.#drawn = lines;
    this.#drawnWidth = width;
  }

  /** Rows that the drawn lines take now: the terminal may have wrapped them when it became narrower. */
  #rowsDrawn(width: number): number {
    if (!this.#options.reflows || width >= this.#drawnWidth) return this.#drawn.length;
    const cells = ({ left, right }: FrameLine): number => (right ? this.#drawnWidth : textWidth(left));
    return this.#drawn.reduce((rows, line) => rows + Math.max(1, Math.ceil(cells(line) / width)), 0);
  }

  #paint({ left, right, style }: FrameLine, width: number): string {
    // The column is set, not reached with spaces: terminals disagree on the width of some characters.
    const text = right ? `${left}\u001b[${width - textWidth(right)}G ${right}` : left;
    const start = this.#options.color ? styles[style] : '';
    return start ? `${start}${text}${reset}` : text;
  }
}

function outcomeOf(error: unknown): FrameOptions['outcome'] {
  if (error === undefined) return 'FINISHED';
  return isCancellation(error) ? 'CANCELED' : 'FAILED';
}
