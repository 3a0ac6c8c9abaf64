import { createDisplay, type DisplayMode } from '../progress/display.ts';
import { holdEvents } from '../progress/hold.ts';
import type { ProgressSink } from '../progress/types.ts';
import { StagecraftError } from '../util/errors.ts';
import type { Surroundings } from './command.ts';

/** Milliseconds within which a build usually finds that it needs a user namespace, and starts again in one. */
const shortMoment = 300;

/** A display for a command. */
export interface CommandDisplay {
  readonly sink: ProgressSink;
  /** Leaves the terminal to a question, until the function that it returns is called. */
  pause(): () => void;
  /** Shows the end of a success. */
  close(): void;
  /** Shows the end of a failure, or that the user stopped the build; nothing of it when the program is to start again in a user namespace. */
  fail(error: unknown): void;
}

/** The display of a mode, on a terminal under a verb such as `Pulling`. An ordinary user's first events wait a moment: the program may have to start again. */
export function openDisplay(
  mode: DisplayMode,
  { stderr, env, signal }: Pick<Surroundings, 'stderr' | 'env' | 'signal'>,
  doing?: string,
): CommandDisplay {
  const display = createDisplay(mode, stderr, env, doing);
  const held = holdEvents(display.sink, shortMoment);
  if (process.geteuid?.() === 0) held.release();
  return {
    sink: held.sink,
    pause() {
      held.release();
      return display.pause?.() ?? (() => {});
    },
    close() {
      held.release();
      display.close();
    },
    fail(error) {
      if (error instanceof Error && error.name === 'NamespaceRequired') {
        held.drop();
        display.discard();
        return;
      }
      held.release();
      // Whatever broke after the user's wish to stop broke because of it.
      display.close(signal.aborted ? new StagecraftError('cancelled', 'The user stopped it.') : error);
    },
  };
}
