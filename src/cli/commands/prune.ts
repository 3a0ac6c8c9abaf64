import { openStore, pruneStore } from '../../api/images.ts';
import { requireNamespace } from '../../api/namespace.ts';
import { StagecraftError } from '../../util/errors.ts';
import { askYesNo } from '../ask.ts';
import { defineCommand } from '../command.ts';
import { humanSize } from '../human.ts';
import { readBytes } from '../values/size.ts';
import { readAge } from '../values/time.ts';

export const command = defineCommand({
  name: 'prune',
  summary: 'Remove what no image needs',
  usage: '',
  description: `
Removes images without a name, layers and blobs that nothing refers to, and what crashed builds left. With --all also
the build cache, cache mounts and all downloads. Images that have a name stay, and so does all that running
builds use.`,
  flags: {
    all: {
      kind: 'boolean',
      short: 'a',
      help: 'Also the whole build cache, cache mounts and all downloads',
    },
    filter: {
      kind: 'list',
      value: 'CONDITION',
      help: 'until=TIME: only what was not used since, such as until=24h',
    },
    force: { kind: 'boolean', short: 'f', help: 'Do not ask' },
    'keep-storage': {
      kind: 'text',
      value: 'SIZE',
      help: 'Remove build cache, the longest unused first, until the store is no larger',
    },
  },
  args: { min: 0, max: 0 },
  examples: [
    ['What nobody needs', 'stagecraft prune'],
    ['Cached steps that were not used for a week', 'stagecraft prune -f --filter until=168h'],
    ['Bound the size of a store on a build machine', 'stagecraft prune -f --keep-storage 20GB'],
  ],
  async run(flags, _args, { stdin, stdout, stderr, signal }) {
    // Layers have files of other users, which are this user's within a namespace only.
    requireNamespace();
    const until = flags.filter.map(readUntil).at(-1);
    const size = flags['keep-storage'];
    const keepStorage = size === undefined ? undefined : readBytes('--keep-storage', size);
    if (!flags.force) {
      const what = flags.all
        ? 'all build cache, cache mounts, downloads, and images without a name'
        : 'all images without a name, and what nothing refers to';
      stderr.write(`WARNING! This will remove ${what}.\n`);
      if (!(await askYesNo('Are you sure you want to continue?', { stdin, stderr, signal }))) return 1;
    }
    const pruned = await pruneStore(openStore(), { all: flags.all, until, keepStorage, signal });
    const counts = [
      count(pruned.images, 'image'),
      count(pruned.layers, 'layer'),
      count(pruned.blobs, 'blob'),
      count(pruned.cacheRecords, 'cached step'),
      count(pruned.cacheMounts, 'cache mount'),
    ].filter(text => text !== '');
    if (counts.length > 0) stdout.write(`Removed: ${counts.join(', ')}\n`);
    stdout.write(`Total reclaimed space: ${humanSize(pruned.freed)}\n`);
  },
});

function readUntil(filter: string): number {
  const [key, value = ''] = filter.split(/=(.*)/s);
  if (key === 'until') return readAge('--filter until', value);
  throw new StagecraftError('usage', `The filter ${filter} cannot be understood.`, {
    hint: 'There is until=TIME, with a duration such as 24h or a date such as 2026-01-31.',
  });
}

function count(number: number, noun: string): string {
  return number === 0 ? '' : `${number} ${noun}${number === 1 ? '' : 's'}`;
}
