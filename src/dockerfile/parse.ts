import { fail, located } from './fail.ts';
import { FileReader } from './file-reader.ts';
import { findHeredocMarkers } from './heredoc.ts';
import { buildInstruction, requirePairs } from './instructions.ts';
import { StageBuilder } from './stage-builder.ts';
import { mayHaveHeredocs, type Statement, splitStatement } from './statement.ts';
import type { ArgInstruction, Dockerfile, Heredoc, StageInstruction } from './types.ts';

/**
 * Parses a Dockerfile. `name` is what ranges and messages call it.
 *
 * @throws StagecraftError `dockerfile`, with the range, at the first thing that is wrong
 */
export function parseDockerfile(text: Uint8Array, name: string): Dockerfile {
  const reader = new FileReader(text, name);
  const metaArgs: ArgInstruction[] = [];
  const stages: StageBuilder[] = [];
  for (let statement = readStatement(reader); statement; statement = readStatement(reader)) {
    const instruction = buildInstruction(statement);
    const stage = stages.at(-1);
    if (instruction.kind === 'FROM') stages.push(new StageBuilder(stages.length, instruction));
    else if (stage) stage.add(instruction);
    else if (instruction.kind === 'ARG') metaArgs.push(instruction);
    else
      fail(
        `${instruction.kind} stands before the first FROM.`,
        instruction.range,
        'Only ARG may stand there: begin the stage with FROM.',
      );
  }
  if (metaArgs.length === 0 && stages.length === 0)
    fail(`${name} has no instructions.`, reader.start, 'Begin with FROM.');
  return {
    name,
    text: reader.text,
    escape: reader.escapeToken,
    directives: reader.directives,
    metaArgs,
    stages: stages.map(stage => stage.finish()),
    warnings: reader.warnings,
  };
}

/**
 * Parses one instruction, as `config.OnBuild` of an image has them; `name` is what ranges call the text.
 *
 * @throws StagecraftError `dockerfile`: wrong, or not exactly one instruction, or a FROM
 */
export function parseInstruction(text: string, name: string): StageInstruction {
  const reader = new FileReader(Buffer.from(text), name);
  const statement = readStatement(reader);
  if (!statement) fail(`${name} has no instruction.`, reader.start);
  const instruction = buildInstruction(statement);
  const next = readStatement(reader);
  if (next) fail(`${name} has more than one instruction.`, next.range);
  if (instruction.kind === 'FROM') fail('FROM cannot be a trigger.', instruction.range);
  return instruction;
}

function readStatement(reader: FileReader): Statement | undefined {
  const next = reader.readLogicalLine();
  if (!next) return undefined;
  const { isText } = next;
  const statement = { ...splitStatement(next.line, reader.escapeToken, next.comments), isText };
  const trigger = splitTrigger(statement, reader);
  if (trigger !== undefined) requirePairs(trigger);
  if (!mayHaveHeredocs(statement, trigger)) return statement;
  const markers = located(statement.range, () => findHeredocMarkers(next.line.text));
  if (markers.length === 0) return statement;
  const heredocs = markers.map((marker): Heredoc => reader.readHeredoc(marker, statement.range));
  return { ...statement, heredocs, range: { ...statement.range, end: reader.lastEnd } };
}

/** What `ONBUILD` is to do later must read as an instruction now. */
function splitTrigger(statement: Statement, reader: FileReader): Statement | undefined {
  if (statement.kind !== 'ONBUILD' || /^onbuild$/i.test(statement.rest.text.split(/\s/, 1)[0]!))
    return undefined;
  return splitStatement(statement.line, reader.escapeToken, [], statement.rest.start);
}
