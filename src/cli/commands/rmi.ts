import { openStore, removeImage } from '../../api/images.ts';
import { StagecraftError } from '../../util/errors.ts';
import { defineCommand } from '../command.ts';

export const command = defineCommand({
  name: 'rmi',
  summary: 'Remove images',
  usage: 'IMAGE [IMAGE...]',
  description: `
Takes the name away; with its last name an image goes, and what of its content no other image and no cached step of a
build needs. An image given by its ID loses all its names.`,
  flags: {
    force: {
      kind: 'boolean',
      short: 'f',
      help: 'Remove an image with all its names; let images that are not there be',
    },
  },
  args: { min: 1, max: Number.POSITIVE_INFINITY, complete: 'image' },
  examples: [
    ['One name', 'stagecraft rmi app:old'],
    ['All images without a name', 'stagecraft rmi $(stagecraft images -q -f dangling=true)'],
  ],
  async run(flags, names, { stdout }) {
    const store = openStore();
    let failure: unknown;
    for (const name of names) {
      try {
        const { untagged, deleted } = await removeImage(store, name, { force: flags.force ?? false });
        for (const gone of untagged) stdout.write(`Untagged: ${gone}\n`);
        if (deleted !== undefined) stdout.write(`Deleted: ${deleted}\n`);
      } catch (error) {
        if (!(error instanceof StagecraftError)) throw error;
        if (!(flags.force && error.code === 'not-found')) failure ??= error;
      }
    }
    if (failure !== undefined) throw failure;
    return 0;
  },
});
