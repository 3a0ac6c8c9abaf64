import { Measures } from '../progress/measures.ts';
import { timestamp } from '../progress/time.ts';
import type { ProgressSink } from '../progress/types.ts';
import { type Digest, digestOf } from '../util/digest.ts';
import { describeStepError } from '../util/errors.ts';

/** One step of the assembly, as a display shows it. */
export interface Step {
  log(text: string | Uint8Array, stream?: 1 | 2): void;
  /** A measured part: bytes done and in all. */
  measure(name: string, current: number, total: number): void;
}

/** Runs the body as a step of that name, and tells how it goes. A body that returns `cached` had nothing to do. */
export async function runStep<T>(
  progress: ProgressSink,
  name: string,
  body: (step: Step) => Promise<T>,
  isCached: (result: T) => boolean = () => false,
): Promise<T> {
  const digest: Digest = digestOf(`debian ${name}`);
  const started = timestamp();
  progress({ vertexes: [{ digest, name, started }] });
  const measures = new Measures(progress, digest);
  const step: Step = {
    log(text, stream = 1) {
      const data = Buffer.from(text as string).toString('base64');
      progress({ logs: [{ vertex: digest, stream, data, timestamp: timestamp() }] });
    },
    measure: (id, current, total) => measures.status(id, current, total),
  };
  try {
    const result = await body(step);
    const cached = isCached(result) ? { cached: true } : {};
    progress({ vertexes: [{ digest, name, started, completed: timestamp(), ...cached }] });
    return result;
  } catch (error) {
    progress({
      vertexes: [{ digest, name, started, completed: timestamp(), error: describeStepError(error) }],
    });
    throw error;
  }
}
