import { StagecraftError } from '../util/errors.ts';
import { PlainDisplay } from './plain.ts';
import { QuietDisplay } from './quiet.ts';
import { RawJsonDisplay } from './rawjson.ts';
import { TtyDisplay } from './tty.ts';
import type { Display, OutputStream } from './types.ts';

export const displayModes = ['auto', 'plain', 'tty', 'rawjson', 'quiet'] as const;
export type DisplayMode = (typeof displayModes)[number];

/**
 * The display of a mode on a stream. `auto` is `tty` on a terminal; where the terminal is missing or too simple
 * (`TERM=dumb`), both are `plain`. `color` defaults to what the stream and `NO_COLOR` allow.
 * `doing` is the verb of the live display, `Building` unless given.
 */
export function createDisplay(
  mode: DisplayMode,
  stream: OutputStream,
  environment: Record<string, string | undefined> = process.env,
  doing?: string,
): Display {
  if (mode === 'rawjson') return new RawJsonDisplay(stream);
  if (mode === 'quiet') return new QuietDisplay(stream);
  if (mode === 'plain' || !stream.isTTY || environment.TERM === 'dumb') return new PlainDisplay(stream);
  return new TtyDisplay(stream, {
    color: !environment.NO_COLOR,
    // These two keep lines as they were drawn when they become narrower; every other terminal wraps them.
    reflows: environment.TERM !== 'linux' && !environment.XTERM_VERSION,
    doing,
  });
}

/**
 * The mode that `--progress` or else `BUILDKIT_PROGRESS` names; `auto` when neither is set.
 * @throws StagecraftError `usage` when there is no such mode
 */
export function chooseDisplayMode(
  flag: string | undefined,
  environment: Record<string, string | undefined> = process.env,
): DisplayMode {
  const name = flag || environment.BUILDKIT_PROGRESS || 'auto';
  const mode = displayModes.find(candidate => candidate === name);
  if (mode) return mode;
  const source = flag ? '--progress' : 'BUILDKIT_PROGRESS';
  throw new StagecraftError('usage', `${source} names the unknown progress mode "${name}".`, {
    hint: `Use one of ${displayModes.join(', ')}.`,
  });
}
