import { readFileSync } from 'node:fs';
import {
  formatSarif,
  type Level,
  levels,
  type PlacedVulnerability,
  parseIgnored,
  type ScanResult,
  scanImage,
} from '../../api/scan.ts';
import { isErrno, StagecraftError } from '../../util/errors.ts';
import { version } from '../../util/version.ts';
import { defineCommand } from '../command.ts';
import { cutText } from '../human.ts';
import { usageError } from '../parse.ts';
import { type Column, formatRows } from '../table.ts';
import { readLayerLimit, readStorageSettings } from '../values/storage.ts';

const columns: Column[] = [
  { field: 'Severity', heading: 'SEVERITY' },
  { field: 'ID', heading: 'ID' },
  { field: 'Package', heading: 'PACKAGE' },
  { field: 'Version', heading: 'VERSION' },
  { field: 'Fixed', heading: 'FIXED IN' },
  { field: 'Step', heading: 'BROUGHT BY' },
];

const level = { kind: 'text', value: 'SEVERITY', complete: levels } as const;

export const command = defineCommand({
  name: 'scan',
  summary: 'Look up the packages of an image in a copy of the OSV database of vulnerabilities',
  usage: 'IMAGE',
  description: `
The database is a directory or a zip archive that you have downloaded, as osv.dev publishes it: records in JSON, or an
all.zip for each ecosystem. Archives are read as a whole the first time; then only the records that matter are.
Nothing is sent anywhere.

An ignore file has a CVE or another ID a line, and behind it package=NAME, exp:DATE and a # comment.

The exit code is 0 whatever is found; with --fail-on it is 2 where something as bad is left. Severities are
${levels.toReversed().join(', ')}.`,
  flags: {
    db: {
      kind: 'text',
      value: 'PLACE',
      complete: 'file',
      help: 'A directory with records and zip archives of them, or one archive\n(also STAGECRAFT_OSV_DB)',
    },
    'fail-on': { ...level, help: 'End with exit code 2 for this severity and worse' },
    format: {
      kind: 'text',
      value: 'FORMAT',
      complete: ['table', 'json', 'sarif'],
      help: 'table, json or sarif (default table)',
    },
    'ignore-file': { kind: 'text', value: 'FILE', complete: 'file', help: 'What is known not to matter' },
    'ignore-unfixed': { kind: 'boolean', help: 'Leave out what no newer version mends' },
    platform: { kind: 'text', value: 'PLATFORM', help: 'The platform of an image that has several' },
    severity: { ...level, kind: 'list', help: 'Only these, separated by commas' },
  },
  args: { min: 1, max: 1, complete: 'image' },
  examples: [
    ['What is known of the packages of an image', 'stagecraft scan --db ~/osv app'],
    ['A gate in CI', 'stagecraft scan --db osv --ignore-unfixed --fail-on high app'],
    ['For a code host', 'stagecraft scan --db osv --format sarif app >app.sarif'],
  ],
  async run(flags, [image], { stdout, stderr, env, signal }) {
    const { format = 'table' } = flags;
    if (!['table', 'json', 'sarif'].includes(format))
      throw usageError(command, `There is no format ${format} of scans.`, 'There are table, json and sarif.');
    const database = flags.db ?? env.STAGECRAFT_OSV_DB;
    if (!database)
      throw usageError(
        command,
        'A scan needs a copy of the OSV database.',
        'Name it with --db PLACE or STAGECRAFT_OSV_DB.',
      );
    const failOn = flags['fail-on'] === undefined ? undefined : readLevel('--fail-on', flags['fail-on']);
    const severities = flags.severity
      .flatMap(text => text.split(','))
      .map(text => readLevel('--severity', text));
    const result = await scanImage({
      image: image!,
      database,
      platform: flags.platform,
      maxLayerSize: readLayerLimit(env),
      storageLimits: readStorageSettings(env),
      onProblem: ({ message }) => stderr.write(`WARNING: ${message}\n`),
      severities: severities.length > 0 ? severities : undefined,
      ignoreUnfixed: flags['ignore-unfixed'],
      ignored: flags['ignore-file'] === undefined ? [] : readIgnored(flags['ignore-file']),
      signal,
      onRead: path => stderr.write(`Reading ${path} for the first time\n`),
    });
    for (const gap of result.gaps) stderr.write(`WARNING: ${gap}\n`);
    const { vulnerabilities } = result;
    if (format === 'json') stdout.write(`${JSON.stringify(toJson(result), null, 2)}\n`);
    else if (format === 'sarif')
      stdout.write(`${JSON.stringify(formatSarif(result.image.name, vulnerabilities, version), null, 2)}\n`);
    else stdout.write(toTable(result));
    const least = failOn === undefined ? Number.POSITIVE_INFINITY : levels.indexOf(failOn);
    return vulnerabilities.some(({ severity }) => levels.indexOf(severity.level) >= least) ? 2 : 0;
  },
});

function readLevel(flag: string, text: string): Level {
  const level = levels.find(each => each === text.trim().toLowerCase());
  if (level !== undefined) return level;
  throw usageError(
    command,
    `The value "${text}" of ${flag} is no severity.`,
    `There are ${levels.join(', ')}.`,
  );
}

function readIgnored(file: string): ReturnType<typeof parseIgnored> {
  try {
    return parseIgnored(readFileSync(file, 'utf8'), file);
  } catch (error) {
    if (!isErrno(error, 'ENOENT', 'EACCES', 'EISDIR', 'ENOTDIR')) throw error;
    throw new StagecraftError(
      'not-found',
      `The ignore file ${file} cannot be read: ${(error as Error).message}.`,
    );
  }
}

function toTable({ image, packages, vulnerabilities, ignored }: ScanResult): string {
  const rows = vulnerabilities.map(({ id, severity, fixed, layer, package: { name, version } }) => ({
    Severity:
      severity.score === undefined ? severity.level : `${severity.level} ${severity.score.toFixed(1)}`,
    ID: id,
    Package: name,
    Version: version,
    Fixed: fixed ?? '',
    Step: cutText(describeLayer(layer), 60),
  }));
  const counts = levels
    .map(level => [level, vulnerabilities.filter(({ severity }) => severity.level === level).length] as const)
    .filter(([, count]) => count > 0)
    .map(([level, count]) => `${count} ${level}`)
    .toReversed();
  const summary = counts.length === 0 ? 'nothing known' : counts.join(', ');
  const left = ignored === 0 ? '' : `; ${ignored} ignored`;
  const table = rows.length === 0 ? '' : `${formatRows(rows, columns)}\n`;
  return `${table}${image.name}, ${packages} packages: ${summary}${left}\n`;
}

function describeLayer(layer: PlacedVulnerability['layer']): string {
  if (layer === undefined) return '';
  const { createdBy, origin } = layer;
  return `${origin ? `${origin.file}:${origin.line} ` : ''}${createdBy}`.replaceAll(/\s+/g, ' ');
}

function toJson({ image, packages, vulnerabilities, ignored }: ScanResult): object {
  return {
    image,
    packages,
    ignored,
    vulnerabilities: vulnerabilities.map(({ package: entry, severity, ...rest }) => ({
      ...rest,
      severity: severity.level,
      ...(severity.score !== undefined && { score: severity.score, vector: severity.vector }),
      package: { name: entry.name, version: entry.version, purl: entry.purl },
      locations: entry.locations.map(({ path }) => path),
    })),
  };
}
