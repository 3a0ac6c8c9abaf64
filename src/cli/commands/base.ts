import { type BaseImage, buildBase } from '../../api/base.ts';
import { parseEpoch } from '../../exporter/attributes.ts';
import { parseOutput } from '../../exporter/outputs.ts';
import { chooseDisplayMode } from '../../progress/display.ts';
import { defineCommand } from '../command.ts';
import { openDisplay } from '../display.ts';
import { progressFlag, quietIdFlag } from '../flags.ts';
import { usageError } from '../parse.ts';
import { readNames } from '../values/request.ts';
import { readStorageSettings } from '../values/storage.ts';

export const command = defineCommand({
  name: 'base',
  summary: "Assemble a base image from Debian's packages, without a registry",
  usage: '--suite SUITE',
  description: `
Takes the mirror that apt on this machine uses, unless --mirror names one. The signature of the release file, and by
it the hash of every index and package are verified. The same packages give the same image, bit for bit.

The image is a working Debian with a shell and apt. With --minimal it has nothing but the packages named and what they
need: no shell, no package manager, yet the package records that scanners read.`,
  flags: {
    component: {
      kind: 'list',
      value: 'NAME',
      help: 'Components of the archive, such as main,contrib (default main)',
    },
    include: {
      kind: 'list',
      value: 'PACKAGE',
      help: 'Packages to add: NAME or NAME=VERSION, several by commas',
    },
    keyring: { kind: 'list', value: 'FILE', help: 'Keys to trust instead of those of apt', complete: 'file' },
    minimal: { kind: 'boolean', help: 'No shell and no package manager' },
    mirror: { kind: 'text', value: 'URL', help: 'The archive to take packages from' },
    output: {
      kind: 'list',
      short: 'o',
      value: 'OUTPUT',
      help: 'Where the result goes, as in stagecraft build (default the store)',
    },
    platform: {
      kind: 'list',
      value: 'PLATFORM',
      help: 'Assemble for it, such as linux/arm64 (default this machine);\nseveral, by commas or flags, make an index of images',
    },
    progress: progressFlag,
    quiet: quietIdFlag,
    suite: {
      kind: 'text',
      value: 'SUITE',
      help: 'The release of Debian, such as bookworm or stable',
      complete: ['bookworm', 'trixie', 'stable', 'testing', 'unstable'],
    },
    tag: { kind: 'list', short: 't', value: 'NAME[:TAG]', help: 'A name for the image', complete: 'image' },
  },
  args: { min: 0, max: 0 },
  examples: [
    ['A Debian to build on', 'stagecraft base -t debian:bookworm --suite bookworm'],
    ['With a compiler', 'stagecraft base -t toolchain --suite bookworm --include build-essential,git'],
    [
      'Something small to run a Python service on',
      'stagecraft base -t python --suite bookworm --minimal --include python3-minimal',
    ],
  ],
  async run(flags, _args, surroundings) {
    const { stdout, env, signal } = surroundings;
    if (flags.suite === undefined)
      throw usageError(command, 'The suite is missing: --suite, such as bookworm.');
    const mode = flags.quiet ? 'quiet' : chooseDisplayMode(flags.progress, env);
    const tags = readNames(flags.tag);
    const outputs = flags.output.map(parseOutput);
    const display = openDisplay(mode, surroundings, 'Assembling');
    let base: BaseImage;
    try {
      base = await buildBase({
        suite: flags.suite,
        flavour: flags.minimal ? 'minimal' : 'full',
        include: words(flags.include),
        mirror: flags.mirror,
        ...(flags.platform.length > 0 && { platforms: words(flags.platform) }),
        components: flags.component.length > 0 ? words(flags.component) : undefined,
        keyrings: flags.keyring.length > 0 ? flags.keyring : undefined,
        sourceDateEpoch: env.SOURCE_DATE_EPOCH ? parseEpoch(env.SOURCE_DATE_EPOCH) : undefined,
        tags,
        outputs,
        storageLimits: readStorageSettings(env),
        onProgress: display.sink,
        signal,
      });
    } catch (error) {
      display.fail(error);
      throw error;
    }
    display.close();
    if (flags.quiet && base.image) {
      const { imageId } = await import('../../api/results.ts');
      stdout.write(`${imageId(base.image)}\n`);
    }
    return 0;
  },
});

/** Values that were given one by one or by commas. */
function words(values: readonly string[]): string[] {
  return values.flatMap(value => value.split(',')).filter(word => word !== '');
}
