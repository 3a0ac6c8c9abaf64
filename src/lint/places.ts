import type { Dockerfile, Instruction } from '../dockerfile/types.ts';
import type { SourceRange } from '../util/errors.ts';
import type { Edit } from './types.ts';

/** What stands at a place that is within one line; nothing for any other, which may have comments in it. */
export function textAt(file: Dockerfile, { start, end }: SourceRange): string | undefined {
  if (start.line !== end.line) return undefined;
  return lineOf(file, start.line).slice(start.column - 1, end.column - 1);
}

/** A line without its end, counted from 1. */
export function lineOf(file: Dockerfile, line: number): string {
  return linesOf(file)[line - 1] ?? '';
}

const cache = new WeakMap<Dockerfile, readonly string[]>();

function linesOf(file: Dockerfile): readonly string[] {
  let lines = cache.get(file);
  if (lines === undefined) {
    lines = file.text.split('\n').map(line => line.replace(/\r+$/, ''));
    cache.set(file, lines);
  }
  return lines;
}

/** One text in place of another; nothing unless the file really has the one there, in one piece. */
export function replacement(
  file: Dockerfile,
  range: SourceRange,
  written: string,
  text: string,
): Edit | undefined {
  return textAt(file, range) === written ? { range, text } : undefined;
}

/** Where the keyword of an instruction stands. */
export function keywordRange({ keyword, range }: Instruction): SourceRange {
  const { line, column } = range.start;
  return { ...range, end: { line, column: column + keyword.length } };
}

/** Every instruction of the file, `FROM` and the ARGs above it too, in order. */
export function instructionsOf(file: Dockerfile): Instruction[] {
  return [...file.metaArgs, ...file.stages.flatMap(stage => [stage.from, ...stage.instructions])];
}
