/** Signals that ask this process to end, and the exit codes that say so: 128 and the signal's number. */
const exitCodes = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const;
type EndSignal = keyof typeof exitCodes;

/** Milliseconds that a command may take to end by itself after the first signal. */
const patience = 900;

/** Watches for the user's wish to stop. */
export interface Interrupt {
  /** Fires with the first signal, or later where {@link onSignal} says so. */
  readonly signal: AbortSignal;
  /** Lets a function take the first signal; the rest follows with the second, or after so many milliseconds. */
  onSignal(handle: (name: NodeJS.Signals) => void, patience: number): void;
  /** Stops watching: signals are someone else's business from now on. */
  release(): void;
  /** The exit code of the signal that stopped the command, if one did. */
  readonly exitCode: number | undefined;
}

/**
 * The first Ctrl-C (or SIGTERM, SIGHUP) stops the command in good order; the second, or the end of patience, ends the
 * process at once. Nothing is lost by that: processes and mounts of a step die with this process.
 */
export function watchInterrupts(): Interrupt {
  const controller = new AbortController();
  let exitCode: number | undefined;
  let first: ((name: EndSignal) => void) | undefined;
  const stop = (name: EndSignal): void => {
    if (exitCode !== undefined) process.exit(exitCode);
    exitCode = exitCodes[name];
    controller.abort();
    setTimeout(() => process.exit(exitCode), patience).unref();
  };
  const names = Object.keys(exitCodes) as EndSignal[];
  const hear = (name: NodeJS.Signals): void => {
    const handle = first ?? stop;
    first = undefined;
    handle(name as EndSignal);
  };
  for (const name of names) process.on(name, hear);
  return {
    signal: controller.signal,
    release() {
      for (const name of names) process.off(name, hear);
    },
    get exitCode() {
      return exitCode;
    },
    onSignal(handle, delay) {
      first = name => {
        handle(name);
        setTimeout(() => stop(name), delay).unref();
      };
    },
  };
}
