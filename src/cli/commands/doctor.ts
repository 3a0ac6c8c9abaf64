import { type Check, defaultStoreRoot, examineMachine } from '../../api/doctor.ts';
import { defineCommand } from '../command.ts';
import { type Column, formatRows } from '../table.ts';

const columns: Column[] = [
  { field: 'Name', heading: 'CHECK' },
  { field: 'Status', heading: 'STATUS' },
  { field: 'Found', heading: 'FOUND' },
  { field: 'Advice', heading: 'ADVICE' },
];

const colors = { ok: '\u001b[32m', warn: '\u001b[33m', fail: '\u001b[31m' } as const;

export const command = defineCommand({
  name: 'doctor',
  summary: 'Look at what this machine allows, and what to do about it',
  usage: '',
  description: `
Looks at everything that building needs, as the user who asks. The exit code is 1 when something that is needed is
missing.`,
  flags: {
    format: {
      kind: 'text',
      value: 'FORMAT',
      help: 'table, json, or a template such as "{{.Name}}: {{.Status}}"',
    },
  },
  args: { min: 0, max: 0 },
  examples: [
    ['A report', 'stagecraft doctor'],
    ['For a script', 'stagecraft doctor --format json'],
  ],
  async run(flags, _args, { stdout, env }) {
    const checks = await examineMachine(defaultStoreRoot(env));
    const color = Boolean(stdout.isTTY) && !env.NO_COLOR && env.TERM !== 'dumb';
    if (flags.format === undefined) stdout.write(describeChecks(checks, color));
    else stdout.write(formatRows(checks.map(toRow), columns, flags.format));
    return checks.some(check => check.status === 'fail') ? 1 : 0;
  },
});

function toRow({ name, status, found, advice = '' }: Check): Record<string, string> {
  return { Name: name, Status: status, Found: found, Advice: advice };
}

/** One line for each check, and its advice below. */
function describeChecks(checks: readonly Check[], color: boolean): string {
  const width = Math.max(...checks.map(check => check.name.length));
  const lines = checks.map(({ name, status, found, advice }) => {
    const mark = color ? `${colors[status]}${status.padEnd(4)}\u001b[0m` : status.padEnd(4);
    const line = `${mark}  ${name.padEnd(width)}  ${found}\n`;
    return advice === undefined ? line : `${line}${' '.repeat(width + 8)}${advice}\n`;
  });
  const failed = checks.filter(check => check.status === 'fail').length;
  const verdict =
    failed === 0
      ? 'Steps can be run on this machine.'
      : `Steps cannot be run: ${failed} of these must be mended.`;
  return `${lines.join('')}\n${verdict}\n`;
}
