import assert from 'node:assert/strict';
import type { SourceRange } from '../util/errors.ts';
import { StagecraftError } from '../util/errors.ts';
import { parseDockerfile } from './parse.ts';
import type { Dockerfile, Instruction, StageInstruction } from './types.ts';

/** For tests: a Dockerfile from text. */
export function parse(text: string | Uint8Array): Dockerfile {
  return parseDockerfile(Buffer.from(text), 'Dockerfile');
}

/** For tests: the one instruction that the text has after a `FROM`, which must be of this kind. */
export function parseOne<K extends StageInstruction['kind']>(
  kind: K,
  text: string,
): Extract<Instruction, { kind: K }> {
  const [instruction, ...others] = parse(`FROM scratch\n${text}`).stages[0]!.instructions;
  assert.equal(others.length, 0);
  assert.equal(instruction?.kind, kind);
  return instruction as Extract<Instruction, { kind: K }>;
}

/** For tests: the error that a text ends in, as `line:column message hint`. */
export function errorOf(text: string): string {
  try {
    parse(text);
  } catch (error) {
    assert.ok(error instanceof StagecraftError, String(error));
    assert.equal(error.code, 'dockerfile');
    const { line, column } = error.range!.start;
    return [`${line}:${column}`, error.message, error.hint].filter(Boolean).join(' ');
  }
  return assert.fail('It was accepted.');
}

/** For tests: the part of a text that a range covers. */
export function cut(text: string, { start, end }: SourceRange): string {
  const lines = text.split('\n');
  const offset = (line: number, column: number) =>
    lines.slice(0, line - 1).reduce((sum, each) => sum + each.length + 1, 0) + column - 1;
  return text.slice(offset(start.line, start.column), offset(end.line, end.column));
}
