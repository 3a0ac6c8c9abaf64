import { measureStore, type Owner, openStore, type Usage, type UsedItem } from '../../api/images.ts';
import { requireNamespace } from '../../api/namespace.ts';
import { defineCommand } from '../command.ts';
import { cutText, humanSince, humanSize } from '../human.ts';
import { type Column, formatRows, hidden, layOutTable, type Row } from '../table.ts';

const columns: Column[] = [
  { field: 'Type', heading: 'TYPE' },
  { field: 'TotalCount', heading: 'TOTAL' },
  { field: 'Size', heading: 'SIZE' },
  { field: 'Reclaimable', heading: 'RECLAIMABLE' },
  ...hidden('Bytes', 'ReclaimableBytes'),
];

const itemColumns: Column[] = [
  { field: 'Type', heading: 'TYPE' },
  { field: 'ID', heading: 'ID' },
  { field: 'Size', heading: 'SIZE' },
  { field: 'LastUsed', heading: 'LAST USED' },
  { field: 'KeptBy', heading: 'KEPT BY' },
  ...hidden('Bytes', 'LastUsedAt', 'Reclaimable'),
];

export const command = defineCommand({
  name: 'du',
  summary: 'Show what takes room on the disk',
  usage: '',
  description: `
RECLAIMABLE is what \`stagecraft prune\` would free. Layers are those of builds and of unpacked images; the blobs of
images hold layers in their packed form. What layers share is counted in parts, so that the sizes add up.`,
  flags: {
    format: {
      kind: 'text',
      value: 'FORMAT',
      help: 'table, json, or a template such as "{{.Type}} {{.Bytes}}"',
    },
    verbose: {
      kind: 'boolean',
      short: 'v',
      help: 'List each item, with what it is kept by, the largest first',
    },
  },
  args: { min: 0, max: 0 },
  examples: [
    ['A table', 'stagecraft du'],
    ['What keeps all that', 'stagecraft du --verbose'],
    ['For a script', 'stagecraft du --format json'],
  ],
  async run(flags, _args, { stdout, signal }) {
    // Layers have directories of other users, which can be read within a namespace only.
    requireNamespace();
    const store = openStore();
    const { kinds, items } = await measureStore(store, signal);
    stdout.write(
      flags.verbose
        ? formatRows(items.toSorted((a, b) => b.size - a.size).map(toItemRow), itemColumns, flags.format)
        : formatRows(kinds.map(toRow), columns, flags.format),
    );
    if (flags.format !== undefined) return;
    const total = kinds.reduce((sum, { size }) => sum + size, 0);
    stdout.write(
      `\n${layOutTable([
        ['Store:', store.root],
        ['Total:', humanSize(total)],
      ])}`,
    );
  },
});

function toRow({ kind, count, size, reclaimable }: Usage): Row {
  return {
    Type: kind[0]!.toUpperCase() + kind.slice(1),
    TotalCount: String(count),
    Size: humanSize(size),
    Reclaimable: size === 0 ? '0B' : `${humanSize(reclaimable)} (${Math.floor((100 * reclaimable) / size)}%)`,
    Bytes: String(Math.round(size)),
    ReclaimableBytes: String(Math.round(reclaimable)),
  };
}

function toItemRow({ kind, id, size, lastUsedAt, keptBy, isReclaimable }: UsedItem): Row {
  const usedAt = new Date(lastUsedAt).toISOString();
  return {
    Type: kind,
    ID: /^[0-9a-f]{64}$/.test(id) ? id.slice(0, 12) : id,
    Size: humanSize(size),
    LastUsed: humanSince(usedAt),
    KeptBy: describeKeepers(keptBy),
    Bytes: String(Math.round(size)),
    LastUsedAt: usedAt,
    Reclaimable: String(isReclaimable),
  };
}

/** Those with names first, and not too many. */
function describeKeepers(keepers: readonly Owner[]): string {
  const texts = new Set(
    keepers
      .toSorted((a, b) => Number(b.isNamed) - Number(a.isNamed))
      .map(({ type, description }) => `${type} ${cutText(description.replaceAll(/\s+/g, ' '), 50)}`),
  );
  const more = texts.size > 3 ? ` and ${texts.size - 3} more` : '';
  return [...texts].slice(0, 3).join(', ') + more;
}
