import type { GraphVertex } from '../llb/index.ts';
import { Measures } from '../progress/measures.ts';
import { timestamp } from '../progress/time.ts';
import type { ProgressSink, Vertex, VertexWarning } from '../progress/types.ts';
import type { Digest } from '../util/digest.ts';
import type { SourceRange } from '../util/errors.ts';

/** How one operation of a finished solve came about. */
export interface StepReport {
  digest: Digest;
  name: string;
  cached: boolean;
  /** Milliseconds; 0 when cached. */
  durationMs: number;
}

/** Tells the progress of one vertex: it starts once, ends once, and may end without having started. */
export class Reporter {
  readonly #sink: ProgressSink;
  #vertex: Vertex;
  readonly #measures: Measures;
  #phase: 'waiting' | 'started' | 'done' = 'waiting';
  #cached = false;
  #durationMs = 0;

  constructor(sink: ProgressSink, vertex: GraphVertex) {
    this.#sink = sink;
    this.#vertex = {
      digest: vertex.digest,
      inputs: vertex.inputs.map(edge => edge.digest),
      name: nameOf(vertex),
    };
    this.#measures = new Measures(sink, vertex.digest);
    sink({ vertexes: [this.#vertex] });
  }

  start(): void {
    if (this.#phase !== 'waiting') return;
    this.#phase = 'started';
    this.#send({ started: timestamp() });
  }

  /** Ended well. @param durationMs how long its work took */
  complete(durationMs = 0): void {
    this.#phase = 'done';
    this.#durationMs = durationMs;
    this.#send({ completed: timestamp() });
  }

  /** The cache had the answer, or another step did the same work. */
  cached(): void {
    if (this.#phase === 'done') return;
    this.#phase = 'done';
    this.#cached = true;
    const now = timestamp();
    this.#send({ started: now, completed: now, cached: true });
  }

  /** What was found is not there: it will be made after all. */
  again(): void {
    this.#phase = 'waiting';
    this.#cached = false;
    const { digest, inputs, name } = this.#vertex;
    this.#vertex = { digest, inputs: inputs ?? [], name };
  }

  /** Nobody needed more of it than its key. */
  leave(): void {
    if (this.#phase === 'waiting') this.cached();
    if (this.#phase === 'started') this.complete();
  }

  fail(message: string): void {
    if (this.#phase === 'done') return;
    this.start();
    this.#end(message);
  }

  /** Another step failed, or the user ended the build: shown only of a step that was under way. */
  cancel(): void {
    if (this.#phase === 'started') this.#end('cancelled');
    this.#phase = 'done';
  }

  log(stream: 1 | 2, data: Uint8Array): void {
    const { digest } = this.#vertex;
    this.#sink({
      logs: [{ vertex: digest, stream, data: Buffer.from(data).toString('base64'), timestamp: timestamp() }],
    });
  }

  /** Something about the step that may be a mistake, and does not stop it. */
  warn(message: string, detail: string, range?: SourceRange): void {
    const warning: VertexWarning = {
      vertex: this.#vertex.digest,
      level: 1,
      short: Buffer.from(message).toString('base64'),
      detail: [Buffer.from(detail).toString('base64')],
      ...(range !== undefined && {
        range: { file: range.file, startLine: range.start.line, endLine: range.end.line },
      }),
    };
    this.#sink({ warnings: [warning] });
  }

  status(id: string, current: number, total?: number): void {
    this.#measures.status(id, current, total);
  }

  report(): StepReport {
    const { digest, name } = this.#vertex;
    return { digest, name, cached: this.#cached, durationMs: this.#durationMs };
  }

  #end(error: string): void {
    this.#phase = 'done';
    this.#send({ completed: timestamp(), error });
  }

  #send(change: Partial<Vertex>): void {
    Object.assign(this.#vertex, change);
    this.#sink({ vertexes: [{ ...this.#vertex }] });
  }
}

/** As its client called the vertex, else what it does. */
export function nameOf({ op, metadata }: GraphVertex): string {
  if (metadata.name !== undefined) return metadata.name;
  if (op.kind === 'exec') return op.meta.args.join(' ');
  if (op.kind === 'source') return op.identifier;
  return op.kind;
}
