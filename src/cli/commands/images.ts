import { matchesGlob } from 'node:path';
import { type ImageSummary, listImages, openStore } from '../../api/images.ts';
import { StagecraftError } from '../../util/errors.ts';
import { defineCommand } from '../command.ts';
import { humanSince, humanSize, shortId } from '../human.ts';
import { type Column, formatRows, hidden, type Row } from '../table.ts';

const columns: Column[] = [
  { field: 'Repository', heading: 'REPOSITORY' },
  { field: 'Tag', heading: 'TAG' },
  { field: 'ID', heading: 'IMAGE ID' },
  { field: 'CreatedSince', heading: 'CREATED' },
  { field: 'Size', heading: 'SIZE' },
  ...hidden('Digest', 'CreatedAt', 'Bytes', 'StoredBytes', 'Layers', 'Platform', 'Problem'),
];

export const command = defineCommand({
  name: 'images',
  summary: 'List images',
  usage: '[REPOSITORY[:TAG]]',
  flags: {
    digests: { kind: 'boolean', help: 'Show digests' },
    filter: {
      kind: 'list',
      short: 'f',
      value: 'CONDITION',
      help: 'Only those that meet it: dangling=true|false, reference=PATTERN',
      complete: ['dangling=true', 'dangling=false', 'reference='],
    },
    format: {
      kind: 'text',
      value: 'FORMAT',
      help: 'table, json, or a template such as "{{.Repository}}:{{.Tag}}"',
    },
    'no-trunc': { kind: 'boolean', help: 'Show whole IDs' },
    quiet: { kind: 'boolean', short: 'q', help: 'Show nothing but IDs' },
  },
  args: { min: 0, max: 1, complete: 'image' },
  examples: [
    ['All images', 'stagecraft images'],
    ['The same for a script', 'stagecraft images --format json'],
    ['Images that lost their name', 'stagecraft images -f dangling=true -q'],
  ],
  async run(flags, [pattern], { stdout }) {
    const filters = flags.filter.map(readFilter);
    if (pattern !== undefined) filters.push(image => matchesReference(image, pattern));
    const images = listImages(openStore()).filter(image => filters.every(accepts => accepts(image)));
    const rows = images.map(image => toRow(image, flags['no-trunc'] ?? false));
    if (flags.quiet) {
      stdout.write([...new Set(rows.map(row => `${row.ID}\n`))].join(''));
      return;
    }
    const shown = flags.digests ? columns.toSpliced(2, 0, { field: 'Digest', heading: 'DIGEST' }) : columns;
    stdout.write(formatRows(rows, shown, flags.format));
  },
});

function toRow(image: ImageSummary, whole: boolean): Row {
  return {
    Repository: image.repository ?? '<none>',
    Tag: image.tag ?? '<none>',
    ID: whole ? image.id : shortId(image.id),
    Digest: image.digest,
    CreatedAt: image.created ?? '',
    CreatedSince: humanSince(image.created),
    Size: humanSize(image.size),
    Bytes: String(image.size),
    StoredBytes: String(image.storedSize),
    Layers: String(image.layers),
    Platform: image.platforms.join(','),
    Problem: image.problem ?? '',
  };
}

function readFilter(text: string): (image: ImageSummary) => boolean {
  const [key, value = ''] = text.split(/=(.*)/s);
  if (key === 'dangling' && /^(true|false)$/.test(value))
    return image => (image.name === undefined) === (value === 'true');
  if (key === 'reference') return image => matchesReference(image, value);
  throw new StagecraftError('usage', `The filter ${text} cannot be understood.`, {
    hint: 'There are dangling=true, dangling=false and reference=PATTERN.',
  });
}

/** As in Docker, a pattern without a tag means all tags. */
function matchesReference({ repository, tag, name }: ImageSummary, pattern: string): boolean {
  if (repository === undefined || name === undefined) return false;
  return (
    matchesGlob(repository, pattern) || (tag !== undefined && matchesGlob(`${repository}:${tag}`, pattern))
  );
}
