import type { Digest } from '../util/digest.ts';

/**
 * What a build tells while it runs, in the shape of BuildKit's `client.SolveStatus`, so that `--progress=rawjson`
 * prints these objects as they are, one a line. Times are RFC 3339 with nanoseconds.
 */
export interface SolveStatus {
  vertexes?: Vertex[];
  statuses?: VertexStatus[];
  logs?: VertexLog[];
  warnings?: VertexWarning[];
}

/** One step of the build. Sent again with more fields as it starts and completes. */
export interface Vertex {
  digest: Digest;
  inputs?: Digest[];
  /** As shown: `[builder 2/5] RUN make`. */
  name: string;
  started?: string;
  completed?: string;
  cached?: boolean;
  error?: string;
}

/** A measured part of a step, such as one blob that is written. */
export interface VertexStatus {
  id: string;
  vertex: Digest;
  name?: string;
  /** Done so far and in all: bytes, or files, as the name says. */
  current: number;
  total?: number;
  timestamp: string;
  started?: string;
  completed?: string;
}

/** Output of a process. */
export interface VertexLog {
  vertex: Digest;
  /** 1 standard output, 2 standard error. */
  stream: 1 | 2;
  /** Base64. */
  data: string;
  timestamp: string;
}

export interface VertexWarning {
  vertex?: Digest;
  level: number;
  /** Base64 of one line. */
  short: string;
  detail?: string[];
  url?: string;
  range?: { file: string; startLine: number; endLine: number };
}

/** Takes the events of a build. Must not throw; called often, so cheap. */
export type ProgressSink = (status: SolveStatus) => void;

/** The part of a Node.js write stream that displays use; `columns` and `rows` exist on terminals. */
export interface OutputStream {
  write(chunk: string | Uint8Array): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
  readonly rows?: number;
  on?(event: 'resize', listener: () => void): unknown;
  off?(event: 'resize', listener: () => void): unknown;
}

/** Shows the progress of one build to a person or a program. */
export interface Display {
  /** Feed the build's events here. */
  readonly sink: ProgressSink;
  /**
   * Leaves the terminal to somebody else, until the function that it returns is called. Missing where a display only
   * ever appends lines.
   */
  pause?(): () => void;
  /**
   * Shows the final state, and the last output lines of steps that failed, and leaves the terminal as it was. `error`
   * is what the build failed with; printing it is left to the caller. Events that come later are ignored.
   */
  close(error?: unknown): void;
  /** Ends without a word, and takes away what can be taken away: the build is shown by someone else. */
  discard(): void;
}
