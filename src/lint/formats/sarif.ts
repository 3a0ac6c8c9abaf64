import { relative } from 'node:path';
import { digestHex, digestOf } from '../../util/digest.ts';
import type { SourceRange } from '../../util/errors.ts';
import { logOfRun } from '../../util/sarif.ts';
import type { CheckReport } from '../report.ts';
import type { Finding } from '../types.ts';

// Columns are UTF-16 units here and there.

/** A run of the checks as a SARIF log. @param root what addresses of files are relative to */
export function sarifLog(reports: readonly CheckReport[], version: string, root: string): object {
  const rules = new Map<string, object>();
  const results = reports.flatMap(report => resultsOf(report, addressOf(report, root), rules));
  return logOfRun(version, rules, {
    columnKind: 'utf16CodeUnits',
    invocations: [{ executionSuccessful: true, toolExecutionNotifications: notesOf(reports) }],
    results,
  });
}

function resultsOf(report: CheckReport, uri: string, rules: Map<string, object>): { ruleId: string }[] {
  const seen = new Map<string, number>();
  const lines = Buffer.from(report.data)
    .toString()
    .replace(/^\ufeff/, '')
    .split('\n');
  /** The same while the line reads the same, wherever it moves; several equal ones are counted. */
  const fingerprint = (rule: string, message: string, range: SourceRange | undefined): string => {
    const line = range === undefined ? '' : (lines[range.start.line - 1] ?? '').trim();
    const key = JSON.stringify([rule, uri, message, line]);
    const number = seen.get(key) ?? 0;
    seen.set(key, number + 1);
    return digestHex(digestOf(`${key} ${number}`));
  };
  const results = report.findings.map(finding => {
    if (!rules.has(finding.rule)) rules.set(finding.rule, ruleOf(finding));
    const { rule, message, level, range, fix } = finding;
    return {
      ruleId: rule,
      level: level === 'warning' ? 'warning' : 'note',
      message: { text: message },
      locations: [locationOf(uri, range)],
      partialFingerprints: { 'stagecraft/v1': fingerprint(rule, message, range) },
      ...(fix && {
        fixes: [
          {
            description: { text: fix.title },
            artifactChanges: [
              {
                artifactLocation: { uri },
                replacements: fix.edits.map(({ range, text }) => ({
                  deletedRegion: regionOf(range),
                  insertedContent: { text },
                })),
              },
            ],
          },
        ],
      }),
    };
  });
  const { error } = report;
  if (error === undefined) return results;
  rules.set(buildError.id, buildError);
  const text = error.hint === undefined ? error.message : `${error.message} ${error.hint}`;
  const failure = {
    ruleId: buildError.id,
    level: 'error',
    message: { text },
    locations: [locationOf(uri, error.range)],
    partialFingerprints: { 'stagecraft/v1': fingerprint(buildError.id, error.message, error.range) },
  };
  return [...results, failure];
}

const buildError = {
  id: 'DockerfileError',
  name: 'DockerfileError',
  shortDescription: { text: 'The Dockerfile can be built' },
  defaultConfiguration: { level: 'error' },
};

function ruleOf({ rule, description, url, level }: Finding): object {
  // Our own pages come with the package; only an address of the web is one for SARIF.
  const page = url?.startsWith('https:') ? { helpUri: url } : {};
  const help = url === undefined ? description : `${description}. More: ${url}`;
  return {
    id: rule,
    name: rule,
    shortDescription: { text: description },
    help: { text: help },
    ...page,
    defaultConfiguration: { level: level === 'warning' ? 'warning' : 'note' },
  };
}

function locationOf(uri: string, range: SourceRange | undefined): object {
  return {
    physicalLocation: { artifactLocation: { uri }, ...(range && { region: regionOf(range) }) },
  };
}

function regionOf({ start, end }: SourceRange): object {
  return { startLine: start.line, startColumn: start.column, endLine: end.line, endColumn: end.column };
}

function notesOf(reports: readonly CheckReport[]): object[] {
  return reports.flatMap(({ name, unknownImages }) =>
    unknownImages.map(image => ({
      level: 'note',
      message: {
        text: `${name}: the base image ${image} is not in the store; what depends on it was not looked at.`,
      },
    })),
  );
}

function addressOf({ path, name }: CheckReport, root: string): string {
  const shown = path === undefined ? name : relative(root, path);
  return shown.split('/').map(encodeURIComponent).join('/');
}
