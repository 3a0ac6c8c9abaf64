import { realpathSync, renameSync, statSync, unlinkSync, writeFileSync } from 'node:fs';
import { applyFixes } from '../lint/apply.ts';
import type { CheckReport } from '../lint/report.ts';
import type { Finding } from '../lint/types.ts';
import { StagecraftError } from '../util/errors.ts';
import type { Checker } from './checks.ts';
import type { BuildRequest } from './request.ts';

/** A Dockerfile with what could be mended in it. */
export interface Fixed {
  /** What is left to tell. */
  readonly report: CheckReport;
  /** What was mended, in the order of doing. */
  readonly applied: readonly Finding[];
  readonly before: Uint8Array;
}

/** A fix may make room for another; beyond this many rounds they are at odds. */
const rounds = 10;

/**
 * Mends what the checks found, in memory.
 * @throws StagecraftError `unsupported` for a file that is not UTF-8
 */
export async function fixDockerfile(checker: Checker, request: BuildRequest): Promise<Fixed> {
  const first = await checker.check(request);
  let report = first;
  const applied: Finding[] = [];
  for (let round = 0; round < rounds && report.findings.some(({ fix }) => fix !== undefined); round++) {
    const mended = applyFixes(report.data, report.findings);
    const next = await checker.check(request, mended.data);
    // A fix is no fix if it breaks the file.
    if (isBroken(next) && !isBroken(first)) break;
    applied.push(...mended.applied);
    report = next;
  }
  return { report, applied, before: first.data };
}

function isBroken({ error }: CheckReport): boolean {
  return error?.range !== undefined;
}

/**
 * Writes a mended file in place of the one that is there, at once; it keeps its mode, and a symlink to it stays one.
 * @throws StagecraftError `io`
 */
export function writeInPlace(path: string, data: Uint8Array): void {
  const place = realpathSync(path);
  const temporary = `${place}.${process.pid}.tmp`;
  try {
    writeFileSync(temporary, data, { flag: 'wx', mode: statSync(place).mode & 0o7777 });
    renameSync(temporary, place);
  } catch (error) {
    try {
      unlinkSync(temporary);
    } catch {
      // It was never made.
    }
    throw new StagecraftError('io', `${path} cannot be written: ${(error as Error).message}.`, {
      cause: error,
    });
  }
}
