import { openStore, tagImage } from '../../api/images.ts';
import { defineCommand } from '../command.ts';

export const command = defineCommand({
  name: 'tag',
  summary: 'Give an image one more name',
  usage: 'IMAGE NAME[:TAG]',
  flags: {},
  args: { min: 2, max: 2, complete: 'image' },
  examples: [['A name for a release', 'stagecraft tag app registry.example.com/team/app:1.2']],
  async run(_flags, [image, name]) {
    tagImage(openStore(), image!, name!);
  },
});
