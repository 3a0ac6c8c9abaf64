import { pushImage } from '../../api/transfer.ts';
import { defineCommand } from '../command.ts';
import { insecureFlag, progressFlag, quietNameFlag } from '../flags.ts';
import { showTransfer } from '../transfer.ts';

export const command = defineCommand({
  name: 'push',
  summary: 'Send an image of the store to the registry that its name says',
  usage: 'NAME[:TAG]',
  description: `
What the registry has is not sent again. \`stagecraft build --push\` does both in one.`,
  flags: {
    insecure: insecureFlag,
    progress: progressFlag,
    quiet: quietNameFlag,
  },
  args: { min: 1, max: 1, complete: 'image' },
  examples: [['An image and its platforms', 'stagecraft push registry.example.com/team/app:1.2']],
  run(flags, [name], surroundings) {
    return showTransfer(flags, surroundings, 'Pushing', options =>
      pushImage(name!, { ...options, insecure: flags.insecure }),
    );
  },
});
