import type { Dockerfile } from '../dockerfile/types.ts';
import type { Finding } from '../lint/types.ts';
import { lastLine } from '../util/excerpt.ts';
import type { BuildRequest } from './request.ts';
import { taskDigest } from './task.ts';

/** Tells of findings as warnings of the step that read the Dockerfile, in BuildKit's words, and to who asked for them. */
export function tellFindings(request: BuildRequest, findings: readonly Finding[], file: Dockerfile): void {
  if (findings.length === 0) return;
  const { dockerfile = 'Dockerfile', onProgress, onWarnings } = request;
  const vertex = taskDigest(`[internal] load build definition from ${dockerfile}`);
  onProgress?.({
    warnings: findings.map(({ rule, message, description, url, range }) => ({
      vertex,
      level: 1,
      short: base64(`${rule}: ${message} (line ${range.start.line})`),
      detail: [base64(description)],
      ...(url !== undefined && { url }),
      range: { file: range.file, startLine: range.start.line, endLine: lastLine(range) },
    })),
  });
  onWarnings?.(findings, file.text);
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}
