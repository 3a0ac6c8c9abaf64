import type { GraphVertex } from '../llb/index.ts';
import type { RootFs } from '../snapshot/types.ts';
import { StagecraftError } from '../util/errors.ts';
import { ExecWork } from './exec.ts';
import { FileWork } from './file.ts';
import type { Reporter } from './reporter.ts';
import type { StepContext } from './step.ts';
import type { Output } from './types.ts';

/** An operation that changes files: a process or a file operation. */
export interface Work {
  /** True when the result depends on the files of an input in a way that its key does not tell best. */
  readonly readsContent: boolean;
  /** True when nothing builds on this input: its files are only read. */
  onlyReads(input: number): boolean;
  /**
   * For each input what the key by content holds of it.
   * @param inputKeys the inputs' own keys; empty for a build context that is only read
   */
  content(inputKeys: readonly string[]): Promise<string[]>;
  run(inputs: readonly Output[], reporter: Reporter): Promise<WorkResult>;
}

export interface WorkResult {
  /** Null for an output that the operation does not have. */
  outputs: (RootFs | null)[];
  /** False when the key does not describe what came out. */
  cacheable: boolean;
}

export function workOf(vertex: GraphVertex, context: StepContext): Work {
  const { op } = vertex;
  if (op.kind === 'exec') return new ExecWork(vertex, op, context);
  if (op.kind === 'file') return new FileWork(vertex, op, context);
  throw new StagecraftError(
    'unsupported',
    `The build graph has a '${op.kind}' operation, which is not solved here.`,
  );
}
