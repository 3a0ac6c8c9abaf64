import { posix } from 'node:path';
import { looking } from '../../files/read.ts';
import { bytesFromText } from '../../util/bytes.ts';
import { openGoProgram } from '../image/go-program.ts';
import type { Binary } from '../image/libraries.ts';
import { commandOf, shown, variableOf } from '../image/programs.ts';
import { startedBinary } from '../image/starting.ts';
import { ownPage } from '../pages.ts';
import { lastOf, lineageOf, placeOfFrom, stepsOfKind } from '../stages.ts';
import type { ImageSubject, Rule } from '../types.ts';
import { placeOfCommand } from './program-cannot-start.ts';

const name = 'MissingTimeZones';

/** The program reckons in time zones by name, and the image has no data on them. */
export const missingTimeZones: Rule<ImageSubject> = {
  name,
  description: 'A program that uses time zones by name needs the time zone data',
  url: ownPage(name),
  level: 'warning',
  check(subject, report) {
    const { config, tree } = subject;
    const container = config.config ?? {};
    if (config.os !== 'linux' || variableOf(container, 'ZONEINFO') || hasZone(tree, '')) return;
    const words = commandOf(container);
    const binary = startedBinary(tree, container, words);
    if (binary === undefined) return;
    const zone = variableOf(container, 'TZ')?.replace(/^:/, '');
    const wanted = zone !== undefined && isName(zone) ? zone : undefined;
    const reason = reasonOf(tree, binary, wanted);
    if (reason === undefined) return;
    report({
      message: `${reason}, and the image has no /usr/share/zoneinfo; copy it from a stage that has the package tzdata`,
      range: wanted === undefined ? placeOfCommand(subject).range : placeOfVariable(subject),
    });
  },
};

function hasZone(tree: ImageSubject['tree'], zone: string): boolean {
  const roots = [
    '/usr/share/zoneinfo',
    '/usr/share/lib/zoneinfo',
    '/usr/lib/locale/TZ',
    '/etc/zoneinfo',
    '/usr/local/go/lib/time/zoneinfo.zip',
  ];
  return roots.some(
    root => looking(() => tree.lstat(tree.resolve(bytesFromText(posix.join(root, zone))))) !== undefined,
  );
}

/** `Europe/Berlin`: what needs data, unlike `UTC` and the rules of POSIX such as `CET-1CEST`. */
function isName(zone: string): boolean {
  return /^(?:Africa|America|Antarctica|Arctic|Asia|Atlantic|Australia|Europe|Indian|Pacific|US)\/\w/.test(
    zone,
  );
}

/** Names that the code of a program has; of Go's own packages none has one. */
const zones = [
  'America/New_York',
  'America/Los_Angeles',
  'America/Chicago',
  'Europe/Berlin',
  'Europe/London',
  'Europe/Paris',
  'Asia/Tokyo',
  'Asia/Shanghai',
  'Asia/Kolkata',
  'Australia/Sydney',
];
function reasonOf(tree: ImageSubject['tree'], binary: Binary, zone: string | undefined): string | undefined {
  const program = openGoProgram(tree, binary);
  // By import of time/tzdata, or by the build tag timetzdata.
  if (program?.hasFunction('time/tzdata.')) return undefined;
  // With TZ set the C library itself wants the data. Others than Go's programs may bring their own.
  if (zone !== undefined)
    return program !== undefined || binary.elf.interpreter !== undefined ? `TZ is set to ${zone}` : undefined;
  if (!program?.hasFunction('time.LoadLocation\0')) return undefined;
  const named = zones.find(each => program.hasConstant(each));
  return named && `${shown(binary.path)} is a Go program that uses time zones such as ${named}`;
}

function placeOfVariable({ target }: ImageSubject) {
  const step = stepsOfKind(lineageOf(target), 'ENV').findLast(({ instruction }) =>
    instruction.pairs.some(({ key }) => key === 'TZ'),
  );
  return step?.instruction.range ?? lastOf(target, 'CMD')?.instruction.range ?? placeOfFrom(target);
}
