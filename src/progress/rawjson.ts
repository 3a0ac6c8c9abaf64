import type { Display, OutputStream, SolveStatus, VertexWarning } from './types.ts';

/** Writes the events of a build as they come, one JSON object a line, in the form of BuildKit's `rawjson`. */
export class RawJsonDisplay implements Display {
  readonly #stream: OutputStream;
  #closed = false;

  constructor(stream: OutputStream) {
    this.#stream = stream;
  }

  readonly sink = (status: SolveStatus): void => {
    if (this.#closed) return;
    const { warnings } = status;
    const event = warnings ? { ...status, warnings: warnings.map(warningForBuildKit) } : status;
    this.#stream.write(`${JSON.stringify(event)}\n`);
  };

  close(): void {
    this.#closed = true;
  }

  discard(): void {
    this.#closed = true;
  }
}

/** A warning as BuildKit's client has it: the place is split in two, the file and ranges of positions in it. */
export function warningForBuildKit({ range, ...warning }: VertexWarning): object {
  if (!range) return warning;
  return {
    ...warning,
    sourceInfo: { filename: range.file },
    range: [{ start: { line: range.startLine }, end: { line: range.endLine } }],
  };
}
