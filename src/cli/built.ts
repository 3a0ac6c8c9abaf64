import { build } from '../api/build.ts';
import type { Checker } from '../api/checks.ts';
import type { BuildRequest } from '../api/request.ts';
import { parseOutput } from '../exporter/outputs.ts';
import type { CheckReport } from '../lint/report.ts';
import { StagecraftError } from '../util/errors.ts';
import type { Surroundings } from './command.ts';
import { openDisplay } from './display.ts';

/** Checks a Dockerfile, builds it where that gives hope, and adds what is found in the files that were built. */
export async function checkBuilt(
  checker: Checker,
  request: BuildRequest,
  text: Uint8Array | undefined,
  surroundings: Surroundings,
): Promise<CheckReport> {
  if (text !== undefined)
    throw new StagecraftError('usage', 'A Dockerfile on standard input cannot be checked with --build.', {
      hint: 'Name a file.',
    });
  const report = await checker.check(request);
  if (report.error?.range !== undefined) return report;
  const display = openDisplay('auto', surroundings);
  try {
    const { warnings } = await build({
      ...request,
      outputs: [parseOutput('type=cacheonly')],
      onProgress: display.sink,
      signal: surroundings.signal,
    });
    display.close();
    return { ...report, findings: union(report, warnings) };
  } catch (error) {
    display.fail(error);
    throw error;
  }
}

/** Those of all stages, and those of what was built, each once. */
function union({ findings }: CheckReport, more: CheckReport['findings']): CheckReport['findings'] {
  const key = ({ rule, message, range }: CheckReport['findings'][number]): string =>
    `${rule} ${range.start.line}:${range.start.column} ${message}`;
  const all = new Map([...findings, ...more].map(finding => [key(finding), finding]));
  return [...all.values()].sort((a, b) => a.range.start.line - b.range.start.line);
}
