import { version } from '../../util/version.ts';
import { defineCommand } from '../command.ts';

export const command = defineCommand({
  name: 'version',
  summary: 'Show the version',
  usage: '',
  flags: {
    format: { kind: 'text', value: 'FORMAT', help: 'json for a script' },
  },
  args: { min: 0, max: 0 },
  examples: [['As JSON', 'stagecraft version --format json']],
  async run(flags, _args, { stdout }) {
    const facts = { version, node: process.version, platform: `linux/${process.arch}` };
    if (flags.format === 'json') stdout.write(`${JSON.stringify(facts)}\n`);
    else stdout.write(`stagecraft ${facts.version} (Node.js ${facts.node.slice(1)}, ${facts.platform})\n`);
  },
});
