import { pullImage } from '../../api/transfer.ts';
import { defineCommand } from '../command.ts';
import { insecureFlag, progressFlag, quietNameFlag } from '../flags.ts';
import { showTransfer } from '../transfer.ts';
import { readPlatform } from '../values/platform.ts';
import { readStorageSettings } from '../values/storage.ts';

export const command = defineCommand({
  name: 'pull',
  summary: 'Take an image from its registry into the store',
  usage: 'NAME[:TAG|@DIGEST]',
  description: `
Builds take base images by themselves. This is for an image to run, to save, or to have before the network is gone.`,
  flags: {
    insecure: insecureFlag,
    platform: {
      kind: 'list',
      value: 'PLATFORM',
      help: 'Take it for these, such as linux/arm64 (default this machine)',
    },
    progress: progressFlag,
    quiet: quietNameFlag,
  },
  args: { min: 1, max: 1 },
  examples: [
    ['From Docker Hub', 'stagecraft pull debian:bookworm-slim'],
    ['For another platform', 'stagecraft pull --platform linux/arm64 registry.example.com/team/app:1.2'],
  ],
  run(flags, [name], surroundings) {
    const platforms = flags.platform.flatMap(text => text.split(',')).map(text => readPlatform(text)!);
    return showTransfer(flags, surroundings, 'Pulling', options =>
      pullImage(name!, platforms, {
        ...options,
        insecure: flags.insecure,
        storageLimits: readStorageSettings(surroundings.env),
      }),
    );
  },
});
