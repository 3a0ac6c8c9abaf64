import type { GraphVertex } from '../llb/index.ts';
import { timestamp } from '../progress/time.ts';
import type { ProgressSink, Vertex } from '../progress/types.ts';

/** Tells the progress of one vertex. */
export class Reporter {
  readonly #sink: ProgressSink;
  readonly #vertex: Vertex;

  constructor(sink: ProgressSink, vertex: GraphVertex) {
    this.#sink = sink;
    this.#vertex = {
      digest: vertex.digest,
      inputs: vertex.inputs.map(edge => edge.digest),
      name: vertex.metadata.name ?? describe(vertex),
    };
    sink({ vertexes: [this.#vertex] });
  }

  start(): void {
    this.#send({ started: timestamp() });
  }

  cached(): void {
    const now = timestamp();
    this.#send({ started: now, completed: now, cached: true });
  }

  complete(error?: string): void {
    this.#send({ completed: timestamp(), ...(error !== undefined && { error }) });
  }

  log(stream: 1 | 2, data: Uint8Array): void {
    const { digest } = this.#vertex;
    this.#sink({
      logs: [{ vertex: digest, stream, data: Buffer.from(data).toString('base64'), timestamp: timestamp() }],
    });
  }

  status(id: string, current: number, total?: number): void {
    const { digest } = this.#vertex;
    const now = timestamp();
    const done = total !== undefined && current >= total;
    this.#sink({
      statuses: [
        {
          id,
          vertex: digest,
          current,
          timestamp: now,
          started: now,
          ...(total !== undefined && { total }),
          ...(done && { completed: now }),
        },
      ],
    });
  }

  #send(change: Partial<Vertex>): void {
    Object.assign(this.#vertex, change);
    this.#sink({ vertexes: [{ ...this.#vertex }] });
  }
}

/** A name for a vertex whose client gave it none. */
export function describe({ op }: GraphVertex): string {
  if (op.kind === 'exec') return op.meta.args.join(' ');
  if (op.kind === 'source') return op.identifier;
  return op.kind;
}
