import type { Finding } from '../lint/types.ts';
import type { ProgressSink } from '../progress/types.ts';
import { lastLine } from '../util/excerpt.ts';
import { taskDigest } from './task.ts';

/**
 * Passes on what checks found as warnings of the step that read the Dockerfile, in BuildKit's words.
 * @param dockerfile as the request names it
 */
export function tellWarnings(
  progress: ProgressSink,
  findings: readonly Finding[],
  dockerfile = 'Dockerfile',
): void {
  if (findings.length === 0) return;
  const vertex = taskDigest(`[internal] load build definition from ${dockerfile}`);
  progress({
    warnings: findings.map(({ rule, message, description, url, range }) => ({
      vertex,
      level: 1,
      short: base64(`${rule}: ${message} (line ${range.start.line})`),
      detail: [base64(description)],
      ...(url !== undefined && { url }),
      range: { file: range.file, startLine: range.start.line, endLine: lastLine(range) },
    })),
  });
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}
