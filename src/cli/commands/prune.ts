import { openStore, type Pruned, parseFilter, pruneStore } from '../../api/images.ts';
import { requireNamespace } from '../../api/namespace.ts';
import { StagecraftError } from '../../util/errors.ts';
import { askYesNo } from '../ask.ts';
import { defineCommand } from '../command.ts';
import { cutText, humanSince, humanSize } from '../human.ts';
import { layOutTable } from '../table.ts';
import { readLimits } from '../values/storage.ts';
import { readAge } from '../values/time.ts';

const size = { kind: 'text', value: 'SIZE' } as const;

export const command = defineCommand({
  name: 'prune',
  summary: 'Remove what no image needs',
  usage: '',
  description: `
Removes images without a name, layers and blobs that nothing refers to, and what crashed builds left. With --all,
with filters and with sizes also the build cache, cache mounts and all downloads. Images that have a name stay, and
so does all that running builds use.

Filters are until=TIME, unused-for=DURATION, type=TYPE, id=ID and description=TEXT, the last three also with != and,
for patterns, ~=. Types are those that \`stagecraft du --verbose\` shows under KEPT BY, or BuildKit's. All keys must hold; of
several values for one key, one. And there are shared and private, for what images need too and what they do not, mutable
and immutable.

With sizes only as much goes as must, that not used for longest first.`,
  flags: {
    all: {
      kind: 'boolean',
      short: 'a',
      help: 'Also the whole build cache, cache mounts, all downloads, and what is\nunpacked of images',
    },
    filter: {
      kind: 'list',
      value: 'CONDITION',
      help: 'Only what it holds for, such as until=24h or type=cache-mount',
      complete: ['until=', 'unused-for=', 'type=', 'id=', 'description='],
    },
    force: { kind: 'boolean', short: 'f', help: 'Do not ask' },
    format: {
      kind: 'text',
      value: 'FORMAT',
      complete: ['json'],
      help: 'json: what was removed, as one object',
    },
    'keep-storage': { ...size, help: 'The same as --reserved-space' },
    'max-used-space': { ...size, help: 'Remove until the store is no larger' },
    'min-free-space': { ...size, help: 'Remove until so much of the disk is free' },
    'reserved-space': {
      ...size,
      help: 'Remove no more once the store is no larger; without the other two\nremove until then',
    },
    verbose: { kind: 'boolean', help: 'List what is removed' },
  },
  args: { min: 0, max: 0 },
  examples: [
    ['What nobody needs', 'stagecraft prune'],
    [
      'Cached steps that were not used for a week',
      'stagecraft prune -f --filter until=168h --filter type=step',
    ],
    ['Bound the size of a store on a build machine', 'stagecraft prune -f --max-used-space 20GB'],
  ],
  async run(flags, _args, { stdin, stdout, stderr, signal }) {
    // Layers have files of other users, which are this user's within a namespace only.
    requireNamespace();
    if (flags.format !== undefined && flags.format !== 'json')
      throw new StagecraftError('usage', `There is no format ${flags.format}.`, { hint: 'There is json.' });
    const { until, filters } = readFilters(flags.filter);
    const reserved = flags['reserved-space'] === undefined ? 'keep-storage' : 'reserved-space';
    const limits = readLimits({
      maxUsed: ['--max-used-space', flags['max-used-space']],
      minFree: ['--min-free-space', flags['min-free-space']],
      reserved: [`--${reserved}`, flags[reserved]],
    });
    if (!flags.force) {
      const isBroad = flags.all || flags.filter.length > 0 || limits !== undefined;
      const some = flags.filter.length > 0 || limits !== undefined ? ' that this asks for' : '';
      const what = isBroad
        ? `all build cache, cache mounts, downloads, and images without a name${some}`
        : 'all images without a name, and what nothing refers to';
      stderr.write(`WARNING! This will remove ${what}.\n`);
      if (!(await askYesNo('Are you sure you want to continue?', { stdin, stderr, signal }))) return 1;
    }
    const pruned = await pruneStore(openStore(), { all: flags.all, until, filters, limits, signal });
    if (flags.format === 'json') return void stdout.write(`${JSON.stringify(toJson(pruned))}\n`);
    if (flags.verbose && pruned.removed.length > 0) stdout.write(`${listRemoved(pruned)}\n`);
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

function readFilters(texts: readonly string[]): {
  until: number | undefined;
  filters: ReturnType<typeof parseFilter>[];
} {
  let until: number | undefined;
  const filters: ReturnType<typeof parseFilter>[] = [];
  for (const text of texts) {
    const [, key, value] = /^(until|unused-for)==?(.*)$/s.exec(text) ?? [];
    if (key === undefined) filters.push(parseFilter(text));
    else until = Math.min(until ?? Number.POSITIVE_INFINITY, readAge(`--filter ${key}`, value!));
  }
  return { until, filters };
}

function listRemoved({ removed }: Pruned): string {
  return layOutTable([
    ['TYPE', 'LAST USED', 'DESCRIPTION'],
    ...removed.map(({ type, lastUsedAt, description }) => [
      type,
      humanSince(new Date(lastUsedAt).toISOString()),
      cutText(description.replaceAll(/\s+/g, ' '), 80),
    ]),
  ]);
}

function toJson({ removed, freed, images, layers, blobs, cacheRecords, cacheMounts }: Pruned): object {
  return {
    Removed: removed.map(({ type, id, description, lastUsedAt }) => ({
      Type: type,
      ID: id,
      Description: description,
      LastUsedAt: new Date(lastUsedAt).toISOString(),
    })),
    Images: images,
    Layers: layers,
    Blobs: blobs,
    CachedSteps: cacheRecords,
    CacheMounts: cacheMounts,
    ReclaimedBytes: freed,
  };
}

function count(number: number, noun: string): string {
  return number === 0 ? '' : `${number} ${noun}${number === 1 ? '' : 's'}`;
}
