import { Measures } from '../progress/measures.ts';
import { timestamp } from '../progress/time.ts';
import type { ProgressSink, Vertex } from '../progress/types.ts';
import { type Digest, digestOf } from '../util/digest.ts';
import { describeStepError } from '../util/errors.ts';

/** Work of a build that is no operation of its graph, such as reading the Dockerfile, shown as a step all the same. */
export class Task {
  readonly #sink: ProgressSink;
  readonly #vertex: Vertex;
  readonly #measures: Measures;

  private constructor(sink: ProgressSink, name: string, digest: Digest) {
    this.#sink = sink;
    this.#vertex = { digest, name, started: timestamp() };
    this.#measures = new Measures(sink, digest);
    sink({ vertexes: [{ ...this.#vertex }] });
  }

  /**
   * Shows the work from its start to its end.
   * @param digest of the operation of the graph that the work is a part of after all
   */
  static async run<T>(
    sink: ProgressSink,
    name: string,
    body: (task: Task) => Promise<T> | T,
    digest = taskDigest(name),
  ): Promise<T> {
    const task = new Task(sink, name, digest);
    try {
      const result = await body(task);
      task.#complete();
      return result;
    } catch (error) {
      task.#complete(describeStepError(error));
      throw error;
    }
  }

  status(id: string, current: number, total?: number): void {
    this.#measures.status(id, current, total);
  }

  #complete(error?: string): void {
    this.#sink({
      vertexes: [{ ...this.#vertex, completed: timestamp(), ...(error !== undefined && { error }) }],
    });
  }
}

/** What the progress of a task of this name is known by. */
export function taskDigest(name: string): Digest {
  return digestOf(`task ${name}`);
}
