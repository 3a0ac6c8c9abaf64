import { pushImage } from '../../api/transfer.ts';
import { displayModes } from '../../progress/display.ts';
import { defineCommand } from '../command.ts';
import { showTransfer } from '../transfer.ts';

export const command = defineCommand({
  name: 'push',
  summary: 'Send an image of the store to the registry that its name says',
  usage: 'NAME[:TAG]',
  description: `
What the registry has is not sent again. \`stagecraft build --push\` does both in one.`,
  flags: {
    insecure: { kind: 'boolean', help: 'The registry may do without TLS, or without a known certificate' },
    progress: {
      kind: 'text',
      value: 'MODE',
      help: `How to show progress: ${displayModes.join(', ')} (default auto)`,
      complete: displayModes,
    },
    quiet: { kind: 'boolean', short: 'q', help: 'Show nothing but the name' },
  },
  args: { min: 1, max: 1, complete: 'image' },
  examples: [['An image and its platforms', 'stagecraft push registry.example.com/team/app:1.2']],
  run(flags, [name], surroundings) {
    return showTransfer(flags, surroundings, options =>
      pushImage(name!, { ...options, insecure: flags.insecure }),
    );
  },
});
