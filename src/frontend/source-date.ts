import { StagecraftError } from '../util/errors.ts';
import type { Env } from './env.ts';
import type { FrontendRequest } from './types.ts';

const name = 'SOURCE_DATE_EPOCH';
/** What RFC 3339 can say: the years 0 to 9999. */
const earliest = -62_167_219_200;
const latest = 253_402_300_799;

/** Arguments as instructions see them, and the time that the image is to have. */
export interface SourceDate {
  readonly buildArgs: ReadonlyMap<string, string>;
  readonly globalArgs: Env;
  /** Seconds since the epoch. */
  readonly epoch: number | undefined;
}

/** The build arguments with the date of the request among them, so that an ARG of that name has it. */
export function withSourceDate(request: FrontendRequest): ReadonlyMap<string, string> {
  const { buildArgs, sourceDateEpoch } = request;
  if (sourceDateEpoch === undefined || buildArgs.has(name)) return buildArgs;
  return new Map(buildArgs).set(name, String(sourceDateEpoch));
}

/**
 * Gives `SOURCE_DATE_EPOCH` its meaning: seconds, or `context` for the time of the build context where that has one.
 * The build argument goes before an ARG above the first FROM; without meaning it is as if it was not there.
 * @throws StagecraftError `usage`
 */
export function resolveSourceDate(
  request: FrontendRequest,
  buildArgs: ReadonlyMap<string, string>,
  globalArgs: Env,
): SourceDate {
  const text = buildArgs.get(name) ?? globalArgs.get(name);
  if (text === undefined) return { buildArgs, globalArgs, epoch: undefined };
  const epoch = text === 'context' ? request.contextDate?.() : text === '' ? undefined : secondsOf(text);
  const args = new Map(buildArgs);
  if (epoch === undefined) args.delete(name);
  else if (args.has(name)) args.set(name, String(epoch));
  const globals = globalArgs.get(name) === undefined ? globalArgs : globalArgs.without(name);
  const known = globals === globalArgs || epoch === undefined ? globals : globals.set(name, String(epoch));
  return { buildArgs: args, globalArgs: known, epoch };
}

function secondsOf(text: string): number {
  const seconds = /^[+-]?[0-9]+$/.test(text) ? Number(text) : Number.NaN;
  if (seconds >= earliest && seconds <= latest) return seconds;
  throw new StagecraftError('usage', `SOURCE_DATE_EPOCH is "${text}", which is no number of seconds.`, {
    hint: 'Give it seconds since 1970, such as the output of git log -1 --format=%ct, or "context".',
  });
}
