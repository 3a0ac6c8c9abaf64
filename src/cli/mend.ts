import type { Checker } from '../api/checks.ts';
import { fixDockerfile, writeInPlace } from '../api/fixes.ts';
import type { BuildRequest } from '../api/request.ts';
import type { CheckReport } from '../lint/report.ts';
import { unifiedDiff } from '../util/diff.ts';
import { StagecraftError } from '../util/errors.ts';
import type { Surroundings } from './command.ts';

/**
 * Mends a Dockerfile and tells what it did; in a dry run it shows the change and makes none. What is left is in the
 * report.
 */
export async function mend(
  checker: Checker,
  request: BuildRequest,
  text: Uint8Array | undefined,
  isDryRun: boolean,
  { stdout, stderr }: Surroundings,
): Promise<CheckReport> {
  if (text !== undefined)
    throw new StagecraftError('usage', 'What comes on standard input cannot be mended in place.', {
      hint: 'Name a file.',
    });
  const { report, applied, before } = await fixDockerfile(checker, request);
  if (applied.length === 0) return report;
  if (isDryRun) {
    stdout.write(
      unifiedDiff(Buffer.from(before).toString(), Buffer.from(report.data).toString(), report.name),
    );
    return { ...(await checker.check(request)) };
  }
  writeInPlace(report.path!, report.data);
  for (const { rule, range, fix } of applied)
    stderr.write(`${report.name}:${range.start.line}: ${rule}: ${fix!.title}\n`);
  return report;
}
