import { type SourceRange, StagecraftError } from './errors.ts';

const rule = '-'.repeat(20);

/**
 * The lines of a source text around a range, numbered, those of the range marked with `>>>`, in the manner of
 * `docker buildx build`: two lines of context on each side of a single line, else one. Empty if the text has no such
 * lines. Control characters do not reach the terminal.
 */
export function formatExcerpt(text: string, range: SourceRange): string {
  const lines = text.split('\n');
  const first = range.start.line;
  const last = Math.min(lastLine(range), lines.length);
  if (first < 1 || first > lines.length) return '';
  const context = first === last ? 2 : 1;
  let excerpt = `${printable(range.file)}:${first}\n${rule}\n`;
  for (let line = Math.max(1, first - context); line <= Math.min(lines.length, last + context); line++) {
    const marker = line >= first && line <= last ? '>>>' : '   ';
    excerpt += `${` ${String(line).padStart(3)} | ${marker} ${printable(lines[line - 1]!)}`.trimEnd()}\n`;
  }
  return `${excerpt}${rule}\n`;
}

const texts = new WeakMap<Error, string>();

/**
 * Remembers the text that the error's range points into, so that its lines can be shown though they are in no file
 * here. Returns the error.
 */
export function rememberText(error: unknown, sources: ReadonlyMap<string, Uint8Array>): unknown {
  const text = error instanceof StagecraftError && error.range && sources.get(error.range.file);
  if (text) texts.set(error, Buffer.from(text).toString('utf8'));
  return error;
}

/** The text that was remembered for an error. */
export function textOf(error: Error): string | undefined {
  return texts.get(error);
}

/** The last line of a range. It is half-open: one that ends before a line's first column does not reach that line. */
export function lastLine({ start, end }: SourceRange): number {
  return end.column <= 1 && end.line > start.line ? end.line - 1 : Math.max(start.line, end.line);
}

function printable(line: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not be printed
  return line.replace(/\r$/, '').replace(/[\x00-\x08\x0a-\x1f\x7f-\x9f]/g, '\ufffd');
}
