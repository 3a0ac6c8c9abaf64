import { parseDuration } from '../util/duration.ts';
import { fail, quote } from './fail.ts';
import { FlagValues } from './flags.ts';
import { baseOf, requireOperands, type Statement } from './statement.ts';
import type { HealthcheckInstruction } from './types.ts';

export function buildHealthcheck(statement: Statement): HealthcheckInstruction {
  requireOperands(statement);
  const { operands, json, line, range } = statement;
  const type = operands[0]!.text.toUpperCase();
  const command = operands.slice(1).map(({ text }) => text);
  if (type === 'NONE') {
    if (command.length > 0) fail('HEALTHCHECK NONE takes no arguments.', line.range(operands[1]!));
    return { ...baseOf(statement, 'HEALTHCHECK'), test: ['NONE'], ...timingOf(new FlagValues([], {})) };
  }
  if (type !== 'CMD')
    fail(`HEALTHCHECK has no type ${operands[0]!.text}.`, line.range(operands[0]!), 'It is CMD or NONE.');
  const flags = new FlagValues(statement.flags, {
    interval: 'string',
    timeout: 'string',
    'start-period': 'string',
    'start-interval': 'string',
    retries: 'string',
  });
  if (command.length === 0) fail('HEALTHCHECK CMD needs a command.', range);
  const test = json ? ['CMD', ...command] : ['CMD-SHELL', ...command];
  return { ...baseOf(statement, 'HEALTHCHECK'), test, ...timingOf(flags) };
}

function timingOf(flags: FlagValues) {
  return {
    interval: durationOf(flags, 'interval'),
    timeout: durationOf(flags, 'timeout'),
    startPeriod: durationOf(flags, 'start-period'),
    startInterval: durationOf(flags, 'start-interval'),
    retries: retriesOf(flags),
  };
}

/** Nothing for 0, which means the default. */
function durationOf(flags: FlagValues, name: string): number | undefined {
  const text = flags.text(name);
  if (text === undefined) return undefined;
  const duration = parseDuration(text);
  if (duration === undefined)
    fail(`--${name}: ${quote(text)} is not a duration.`, flags.range(name), 'Write 30s, 1m30s or 500ms.');
  if (duration !== 0 && duration < 1e6) fail(`--${name} cannot be less than 1ms.`, flags.range(name));
  return duration || undefined;
}

function retriesOf(flags: FlagValues): number | undefined {
  const text = flags.text('retries');
  if (text === undefined) return undefined;
  const retries = /^[-+]?\d+$/.test(text) ? Number(text) : Number.NaN;
  if (!(retries >= 0 && retries < 2 ** 31))
    fail(`--retries: ${quote(text)} is not a number of tries.`, flags.range('retries'));
  return retries || undefined;
}
