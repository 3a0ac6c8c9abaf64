import { type ImageInspection, inspectImage, openStore } from '../../api/images.ts';
import { StagecraftError } from '../../util/errors.ts';
import { defineCommand } from '../command.ts';
import { fillTemplate } from '../template.ts';
import { readPlatform } from '../values/platform.ts';

export const command = defineCommand({
  name: 'inspect',
  summary: 'Show all that is known of images, as JSON',
  usage: 'IMAGE [IMAGE...]',
  flags: {
    format: {
      kind: 'text',
      short: 'f',
      value: 'FORMAT',
      help: 'json, or a template such as "{{json .Config.Env}}"',
    },
    platform: { kind: 'text', value: 'PLATFORM', help: 'The platform of an image that has several' },
  },
  args: { min: 1, max: Number.POSITIVE_INFINITY, complete: 'image' },
  examples: [
    ['Everything', 'stagecraft inspect app'],
    ['One value', "stagecraft inspect -f '{{.Id}}' app"],
    [
      'What an image was made of, as stated beside it',
      "stagecraft inspect -f '{{json .Provenance.SLSA}}' app",
    ],
    ['The labels, for a script', "stagecraft inspect -f '{{json .Config.Labels}}' app"],
  ],
  async run(flags, names, { stdout }) {
    const store = openStore();
    const platform = readPlatform(flags.platform);
    const found: ImageInspection[] = [];
    const missing: unknown[] = [];
    for (const name of names) {
      try {
        found.push(inspectImage(store, name, platform));
      } catch (error) {
        if (!(error instanceof StagecraftError && error.code === 'not-found')) throw error;
        missing.push(error);
      }
    }
    const { format } = flags;
    if (format === undefined) stdout.write(`${JSON.stringify(found, null, 4)}\n`);
    else if (format === 'json') stdout.write(`${JSON.stringify(found)}\n`);
    else stdout.write(found.map(image => `${fillTemplate(format, image)}\n`).join(''));
    if (missing.length > 0) throw missing[0];
  },
});
