import { closeSync } from 'node:fs';
import { Socket } from 'node:net';
import { makeMemoryFile, makePipe } from '../syscall/pipe.ts';
import { connectTerminal } from './terminal.ts';

/** Where a sandbox's standard streams lead. */
export type StreamTarget =
  | { to: 'callback'; output: (stream: 1 | 2, data: Uint8Array) => void; input: Uint8Array | undefined }
  /** This process's own streams. */
  | { to: 'inherit' }
  /** A new terminal, connected with this process's own. */
  | { to: 'terminal' };

/** The streams of one child process. */
export interface Streams {
  /** As `child_process.spawn` takes them. */
  readonly stdio: readonly [Stream, Stream, Stream];
  /** Closes what only the child needs; called once it has been started, or could not be. */
  started(): void;
  /** Takes no more output, where it comes here: what tools say about being killed is none of the step's. */
  mute(): void;
  /** Waits until all output has come. */
  drained(): Promise<void>;
  close(): void;
}

type Stream = number | 'inherit' | 'ignore';

export function openStreams(target: StreamTarget): Streams {
  if (target.to === 'callback') return openPipes(target.output, target.input);
  if (target.to === 'inherit') return { ...idle, stdio: ['inherit', 'inherit', 'inherit'] };
  const { slave, close } = connectTerminal();
  return { ...idle, stdio: [slave, slave, slave], started: () => closeSync(slave), close };
}

const idle = { started: () => {}, mute: () => {}, drained: async () => {}, close: () => {} };

function openPipes(
  output: (stream: 1 | 2, data: Uint8Array) => void,
  input: Uint8Array | undefined,
): Streams {
  const stdin = input && makeMemoryFile(input);
  const [out, err] = [makePipe(), makePipe()];
  let muted = false;
  const take = (stream: 1 | 2, data: Uint8Array): void => {
    if (!muted) output(stream, data);
  };
  const drained = [readAll(out.read, data => take(1, data)), readAll(err.read, data => take(2, data))];
  return {
    stdio: [stdin ?? 'ignore', out.write, err.write],
    started() {
      for (const fd of [out.write, err.write, stdin]) if (fd !== undefined) closeSync(fd);
    },
    mute() {
      muted = true;
    },
    async drained() {
      await Promise.all(drained);
    },
    close() {},
  };
}

function readAll(fd: number, take: (data: Uint8Array) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = new Socket({ fd, readable: true, writable: false });
    socket.on('data', take);
    socket.once('error', reject);
    socket.once('close', () => resolve());
  });
}
