import { copyImage } from '../../api/transfer.ts';
import { defineCommand } from '../command.ts';
import { insecureFlag, progressFlag, quietNameFlag } from '../flags.ts';
import { showTransfer } from '../transfer.ts';

export const command = defineCommand({
  name: 'copy',
  summary: 'Copy an image from one registry to another',
  usage: 'SOURCE TARGET',
  description: `
All its platforms are copied, past the local store. Within one registry nothing is transferred at all.`,
  flags: {
    insecure: insecureFlag,
    progress: progressFlag,
    quiet: quietNameFlag,
  },
  args: { min: 2, max: 2 },
  examples: [
    [
      'A release by its digest',
      'stagecraft copy registry.example.com/app@sha256:... registry.example.com/app:1.2',
    ],
    [
      'Into a registry of one’s own',
      'stagecraft copy debian:bookworm registry.example.com/base/debian:bookworm',
    ],
  ],
  run(flags, [source, target], surroundings) {
    return showTransfer(flags, surroundings, 'Copying', options =>
      copyImage(source!, target!, { ...options, insecure: flags.insecure }),
    );
  },
});
