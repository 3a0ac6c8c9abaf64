import { buildAdd, buildCopy } from './copy.ts';
import { didYouMean, fail, quote } from './fail.ts';
import { FlagValues } from './flags.ts';
import { buildHealthcheck } from './healthcheck.ts';
import { buildRun } from './run.ts';
import { leadingSpace, trimSpace } from './spaces.ts';
import { baseOf, docComment, grammars, onlyOperand, requireOperands, type Statement } from './statement.ts';
import type {
  ArgInstruction,
  CommandLine,
  FromInstruction,
  Instruction,
  KeyValue,
  OnbuildInstruction,
  VolumeInstruction,
} from './types.ts';

/** Gives a statement its meaning. @throws StagecraftError `dockerfile` with the range of what is wrong */
export function buildInstruction(statement: Statement): Instruction {
  switch (statement.kind) {
    case 'FROM':
      return buildFrom(statement);
    case 'RUN':
      return buildRun(statement, commandOf(statement));
    case 'COPY':
      return buildCopy(statement);
    case 'ADD':
      return buildAdd(statement);
    case 'HEALTHCHECK':
      return buildHealthcheck(statement);
    // Like BuildKit's parser, these two do not look at flags.
    case 'ARG':
      return buildArg(statement);
    case 'STOPSIGNAL':
      return { ...baseOf(statement, 'STOPSIGNAL'), signal: onlyOperand(statement) };
    case undefined:
      return unknownInstruction(statement);
    default:
      refuseFlags(statement);
      return buildPlain(statement);
  }
}

/** Instructions without flags. */
function buildPlain(statement: Statement): Instruction {
  switch (statement.kind) {
    case 'CMD':
      return { ...baseOf(statement, 'CMD'), command: commandOf(statement) };
    case 'ENTRYPOINT':
      return { ...baseOf(statement, 'ENTRYPOINT'), command: commandOf(statement) };
    case 'ENV':
      return { ...baseOf(statement, 'ENV'), pairs: pairsOf(statement) };
    case 'LABEL':
      return { ...baseOf(statement, 'LABEL'), pairs: pairsOf(statement) };
    case 'EXPOSE':
      requireOperands(statement);
      return { ...baseOf(statement, 'EXPOSE'), ports: statement.operands.map(({ text }) => text).sort() };
    case 'MAINTAINER':
      return { ...baseOf(statement, 'MAINTAINER'), maintainer: onlyOperand(statement) };
    case 'USER':
      return { ...baseOf(statement, 'USER'), user: onlyOperand(statement) };
    case 'WORKDIR':
      return { ...baseOf(statement, 'WORKDIR'), path: onlyOperand(statement) };
    case 'VOLUME':
      return buildVolume(statement);
    case 'SHELL':
      requireOperands(statement);
      if (!statement.json)
        fail('SHELL takes its arguments as a JSON array.', statement.range, 'Write SHELL ["/bin/sh", "-c"].');
      return { ...baseOf(statement, 'SHELL'), shell: statement.operands.map(({ text }) => text) };
    case 'ONBUILD':
      return buildOnbuild(statement);
    default:
      return unknownInstruction(statement);
  }
}

function unknownInstruction({ keyword, line, range }: Statement): never {
  const { text } = keyword;
  if (text === '') fail('An instruction is missing: the lines continue to nothing.', range);
  const known = Object.keys(grammars).map(kind => (text === text.toLowerCase() ? kind.toLowerCase() : kind));
  fail(
    `Unknown instruction ${quote(text)}.`,
    line.range(keyword),
    didYouMean(text, known) ??
      'If it belongs to the line above, that line must end with the escape character.',
  );
}

function refuseFlags({ flags }: Statement): void {
  new FlagValues(flags, {});
}

const stageName = /^[a-z][a-z0-9\-_.]*$/;

function buildFrom(statement: Statement): FromInstruction {
  const { operands, line, range } = statement;
  const [base, as, name] = operands;
  if (!base || operands.length === 2 || operands.length > 3 || (as && as.text.toLowerCase() !== 'as'))
    fail('FROM takes one argument or three.', range, 'Write FROM image, or FROM image AS name.');
  if (name && !stageName.test(name.text.toLowerCase()))
    fail(
      `A stage cannot have the name ${quote(name.text)}.`,
      line.range(name),
      'A name starts with a letter and has only letters, digits, "-", "_" and ".".',
    );
  const flags = new FlagValues(statement.flags, { platform: 'string' });
  return {
    ...baseOf(statement, 'FROM'),
    baseName: base.text,
    platform: flags.text('platform'),
    stageName: name?.text.toLowerCase(),
    written: as && name && { as: as.text, name: name.text },
  };
}

function buildArg(statement: Statement): ArgInstruction {
  requireOperands(statement);
  const { line, comments } = statement;
  const args = statement.operands.map(operand => {
    const [key, value] = splitPair(operand.text);
    const range = line.range(operand);
    if (key === '' && value !== undefined) fail('ARG needs a name before "=".', range);
    return { key, value, comment: docComment(comments, key), range };
  });
  return { ...baseOf(statement, 'ARG'), args };
}

function splitPair(text: string): [key: string, value: string | undefined] {
  const equals = text.indexOf('=');
  return equals < 0 ? [text, undefined] : [text.slice(0, equals), text.slice(equals + 1)];
}

/** What a trigger must get right before anyone gives it its meaning. @throws StagecraftError `dockerfile` */
export function requirePairs(statement: Statement): void {
  const { kind, operands } = statement;
  if ((kind === 'ENV' || kind === 'LABEL') && operands.length > 0) pairsOf(statement);
}

/** Pairs `name=value`, or, where the first word has no `=`, the old form: a name and all the rest. */
function pairsOf(statement: Statement): KeyValue[] {
  requireOperands(statement);
  const { operands, kind, rest, line } = statement;
  if (!operands[0]!.text.includes('=')) {
    const range = line.range(rest);
    const [, key, value] = /^([^\t\v\f\r ]*)[\t\v\f\r ]+([\s\S]*)$/.exec(rest.text) ?? [];
    if (key === undefined || value === undefined)
      fail(`${kind} needs a value for ${quote(rest.text)}.`, range, `Write ${kind} name=value.`);
    return [{ key, value, legacy: true, range }];
  }
  return operands.map(operand => {
    const range = line.range(operand);
    const [key, value] = splitPair(operand.text);
    if (value === undefined)
      fail(
        `${kind} needs "=" between name and value, and ${quote(key)} has none.`,
        range,
        'Quote a value that has spaces.',
      );
    if (key === '') fail(`${kind} needs a name before "=".`, range);
    return { key, value, legacy: false, range };
  });
}

function commandOf({ json, operands }: Statement): CommandLine {
  if (json) return { form: 'exec', args: operands.map(({ text }) => text) };
  return { form: 'shell', text: operands[0]?.text ?? '' };
}

function buildVolume(statement: Statement): VolumeInstruction {
  requireOperands(statement);
  const volumes = statement.operands.map(operand => {
    const path = trimSpace(operand.text);
    if (path === '') fail('VOLUME needs a path, and this one is empty.', statement.line.range(operand));
    return path;
  });
  return { ...baseOf(statement, 'VOLUME'), volumes };
}

function buildOnbuild(statement: Statement): OnbuildInstruction {
  requireOperands(statement);
  const { rest, line, range, heredocs, keyword: written } = statement;
  const keyword = rest.text.split(/\s/, 1)[0]!.toUpperCase();
  if (keyword === 'ONBUILD') fail('ONBUILD cannot trigger another ONBUILD.', range);
  if (keyword === 'FROM' || keyword === 'MAINTAINER') fail(`ONBUILD cannot trigger ${keyword}.`, range);
  const documents = heredocs.map(({ raw, name }) => `\n${raw}${name}`).join('');
  const trigger = line.text.slice(leadingSpace(line.text, written.end));
  return { ...baseOf(statement, 'ONBUILD'), trigger: trigger + documents };
}
