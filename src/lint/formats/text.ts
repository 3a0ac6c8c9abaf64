import { formatExcerpt } from '../../util/excerpt.ts';
import { printable } from '../../util/printable.ts';
import { furtherReading } from '../pages.ts';
import type { CheckReport } from '../report.ts';
import type { Finding } from '../types.ts';

/** What a check of Dockerfiles tells a person, without the errors. Ends with the sum of it. */
export function checkText(reports: readonly CheckReport[]): string {
  return reports.map(blocksOf).join('') + summary(reports);
}

function blocksOf({ findings, data }: CheckReport): string {
  const text = Buffer.from(data)
    .toString()
    .replace(/^\ufeff/, '');
  return findings.map(finding => `${describe(finding)}${formatExcerpt(text, finding.range)}\n`).join('');
}

function describe({ level, rule, message, url, fix }: Finding): string {
  const reading = furtherReading(rule, url);
  const more = reading === undefined ? '' : `More info: ${reading}\n`;
  const mends = fix === undefined ? '' : `--fix: ${printable(fix.title)}\n`;
  return `${level === 'warning' ? 'WARNING' : 'ADVICE'} ${rule}: ${printable(message)}\n${more}${mends}`;
}

function summary(reports: readonly CheckReport[]): string {
  const findings = reports.flatMap(report => report.findings);
  const warnings = findings.filter(({ level }) => level === 'warning').length;
  const errors = reports.filter(({ error }) => error !== undefined).length;
  const parts = [
    count(errors, 'error'),
    count(warnings, 'warning'),
    count(findings.length - warnings, 'piece of advice', 'pieces of advice'),
  ].filter(part => part !== '');
  const where = reports.length === 1 ? reports[0]!.name : `${reports.length} Dockerfiles`;
  if (parts.length === 0) return `${where}: nothing found.\n`;
  const fixable = findings.filter(({ fix }) => fix !== undefined).length;
  const mends = fixable === 0 ? '' : ` ${fixable} can be mended with --fix.`;
  return `${where}: ${parts.join(', ')}.${mends}\n`;
}

function count(number: number, one: string, many = `${one}s`): string {
  return number === 0 ? '' : `${number} ${number === 1 ? one : many}`;
}
