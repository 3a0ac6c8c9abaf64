import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { familiarName, loadArchive } from '../../api/archives.ts';
import { isErrno, StagecraftError } from '../../util/errors.ts';
import { defineCommand } from '../command.ts';
import { usageError } from '../parse.ts';
import { readLayerLimit, readStorageSettings } from '../values/storage.ts';

export const command = defineCommand({
  name: 'load',
  summary: 'Take images from an archive',
  usage: '',
  description: `
Reads what \`docker save\`, \`podman save\`, \`skopeo copy\` and BuildKit write: Docker's format or an OCI layout in a tar,
compressed or not.`,
  flags: {
    input: {
      kind: 'text',
      short: 'i',
      value: 'FILE',
      help: 'The archive (default standard input)',
      complete: 'file',
    },
    quiet: { kind: 'boolean', short: 'q', help: 'Do not say what was loaded' },
  },
  args: { min: 0, max: 0 },
  examples: [
    ['From a file', 'stagecraft load -i app.tar'],
    ['From another tool', 'docker save app | stagecraft load'],
  ],
  async run(flags, _args, { stdin, stdout, stderr, env, signal }) {
    if (flags.input === undefined && stdin.isTTY)
      throw usageError(command, 'There is no archive to read on standard input.', 'Name one with --input.');
    const storageLimits = readStorageSettings(env);
    const source = flags.input === undefined ? stdin : await openArchive(flags.input);
    const loaded = await loadArchive(source, {
      storageLimits,
      maxLayerSize: readLayerLimit(env),
      signal,
      onProblem: ({ message }) => stderr.write(`WARNING: ${message}\n`),
    });
    for (const { names, digest } of loaded) {
      if (flags.quiet) continue;
      for (const name of names) stdout.write(`Loaded image: ${familiarName(name)}\n`);
      if (names.length === 0) stdout.write(`Loaded image ID: ${digest}\n`);
    }
    return 0;
  },
});

async function openArchive(path: string): Promise<AsyncIterable<Uint8Array>> {
  try {
    if ((await stat(path)).isDirectory())
      throw new StagecraftError('usage', `${path} is a directory, not an archive.`);
    return createReadStream(path);
  } catch (error) {
    if (!isErrno(error, 'ENOENT', 'ENOTDIR')) throw error;
    throw new StagecraftError('not-found', `The archive ${path} does not exist.`, { cause: error });
  }
}
