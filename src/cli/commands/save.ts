import { type ArchiveFormat, openStore, saveImages } from '../../api/archives.ts';
import { defineCommand } from '../command.ts';
import { usageError } from '../parse.ts';
import { readPlatform } from '../values/platform.ts';

const formats: Record<string, ArchiveFormat> = {
  docker: 'docker',
  'docker-archive': 'docker',
  oci: 'oci',
  'oci-archive': 'oci',
};

export const command = defineCommand({
  name: 'save',
  summary: 'Write images into an archive',
  usage: 'IMAGE [IMAGE...]',
  flags: {
    format: {
      kind: 'text',
      value: 'FORMAT',
      help: 'docker or oci (default docker)',
      complete: ['docker', 'oci'],
    },
    output: {
      kind: 'text',
      short: 'o',
      value: 'FILE',
      help: 'The archive (default standard output)',
      complete: 'file',
    },
    platform: {
      kind: 'text',
      value: 'PLATFORM',
      help: "Of an image for several platforms this one's (default all in the\nformat oci, this machine's in docker)",
    },
  },
  args: { min: 1, max: Number.POSITIVE_INFINITY, complete: 'image' },
  examples: [
    ['Into a file', 'stagecraft save -o app.tar app:1.0 app:latest'],
    ['To Docker', 'stagecraft save app | docker load'],
    ['As an OCI archive', 'stagecraft save --format oci -o app.oci.tar app'],
  ],
  async run(flags, images, { stdout }) {
    const format = Object.hasOwn(formats, flags.format ?? 'docker') && formats[flags.format ?? 'docker'];
    if (!format)
      throw usageError(command, `There is no archive format ${flags.format}.`, 'There are docker and oci.');
    const platform = readPlatform(flags.platform);
    if (flags.output === undefined && stdout.isTTY)
      throw usageError(
        command,
        'An archive is not for a terminal.',
        'Name a file with --output, or use a pipe.',
      );
    await saveImages(openStore(), images, flags.output ?? '-', { format, platform });
    return 0;
  },
});
