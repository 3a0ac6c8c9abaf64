import type { SourceRange } from '../util/errors.ts';
import { fail } from './fail.ts';
import { parseFlag } from './flags.ts';
import type { LogicalLine, Token } from './logical-line.ts';
import { type Grammar, splitOperands } from './operands.ts';
import { trimSpace } from './spaces.ts';
import { splitCommand } from './split-command.ts';
import type { EscapeToken, Flag, Heredoc, Instruction, Operand } from './types.ts';

/** The grammar of each instruction's operands. */
export const grammars: Readonly<Record<Instruction['kind'], Grammar>> = {
  ADD: 'json-or-list',
  ARG: 'words',
  CMD: 'json-or-text',
  COPY: 'json-or-list',
  ENTRYPOINT: 'json-or-text',
  ENV: 'pairs',
  EXPOSE: 'list',
  FROM: 'list',
  HEALTHCHECK: 'health',
  LABEL: 'pairs',
  MAINTAINER: 'text',
  ONBUILD: 'trigger',
  RUN: 'json-or-text',
  SHELL: 'json-or-text',
  STOPSIGNAL: 'text',
  USER: 'text',
  VOLUME: 'json-or-list',
  WORKDIR: 'text',
};

/** An instruction as its line reads, before anyone asked what it means. */
export interface Statement {
  /** Nothing if the keyword is unknown. */
  readonly kind: Instruction['kind'] | undefined;
  readonly line: LogicalLine;
  readonly keyword: Token;
  readonly flags: readonly Flag[];
  /** Everything after keyword and flags. */
  readonly rest: Token;
  readonly operands: readonly Token[];
  readonly json: boolean;
  readonly heredocs: readonly Heredoc[];
  /** False if the line is not UTF-8. */
  readonly isText: boolean;
  readonly comments: readonly string[];
  readonly range: SourceRange;
}

/** Divides a line; `from` is where in it the instruction starts. @throws StagecraftError `dockerfile` with its range */
export function splitStatement(
  line: LogicalLine,
  escapeToken: EscapeToken,
  comments: readonly string[],
  from = 0,
): Statement {
  const { keyword, flags, rest } = splitCommand(line, escapeToken, from);
  const upper = keyword.text.toUpperCase();
  const kind = Object.hasOwn(grammars, upper) ? (upper as Instruction['kind']) : undefined;
  const { tokens, json } = kind
    ? splitOperands(grammars[kind], rest, line, escapeToken)
    : { tokens: [], json: false };
  return {
    kind,
    line,
    keyword,
    flags: flags.map(flag => parseFlag(flag, line)),
    rest,
    operands: tokens,
    json,
    heredocs: [],
    isText: true,
    comments,
    range: line.range({ start: keyword.start, end: Math.max(keyword.end, rest.end) }),
  };
}

/** `RUN`, `COPY` and `ADD` in shell form have here-documents, under `ONBUILD` too. */
export function mayHaveHeredocs({ kind, json }: Statement, trigger: Statement | undefined): boolean {
  if (kind === 'ONBUILD') return trigger !== undefined && mayHaveHeredocs(trigger, undefined);
  return !json && (kind === 'RUN' || kind === 'COPY' || kind === 'ADD');
}

/** What all instructions have. */
export function baseOf<K extends Instruction['kind']>(statement: Statement, kind: K) {
  const { line, keyword, range, comments, flags } = statement;
  return {
    kind,
    keyword: keyword.text,
    range,
    original: trimSpace(line.text),
    comments,
    flags,
    operands: statement.operands.map(
      (operand): Operand => ({ text: operand.text, range: line.range(operand) }),
    ),
  };
}

/** The only operand. @throws StagecraftError `dockerfile` */
export function onlyOperand({ operands, kind, range }: Statement): string {
  const [operand] = operands;
  if (!operand || operands.length > 1) fail(`${kind} takes exactly one argument.`, range);
  return operand.text;
}

/** @throws StagecraftError `dockerfile` if there are none */
export function requireOperands({ operands, kind, range }: Statement): void {
  if (operands.length === 0) fail(`${kind} needs at least one argument.`, range);
}

/** What a comment of the form `# name text` directly above says about a name. */
export function docComment(comments: readonly string[], name: string): string | undefined {
  return comments.find(comment => comment.startsWith(`${name} `))?.slice(name.length + 1);
}
