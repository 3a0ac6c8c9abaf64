import { measureStore, openStore } from '../../api/images.ts';
import { requireNamespace } from '../../api/namespace.ts';
import { defineCommand } from '../command.ts';
import { humanSize } from '../human.ts';
import { type Column, formatRows, hidden, layOutTable } from '../table.ts';

const columns: Column[] = [
  { field: 'Type', heading: 'TYPE' },
  { field: 'TotalCount', heading: 'TOTAL' },
  { field: 'Size', heading: 'SIZE' },
  { field: 'Reclaimable', heading: 'RECLAIMABLE' },
  ...hidden('Bytes', 'ReclaimableBytes'),
];

export const command = defineCommand({
  name: 'du',
  summary: 'Show what takes room on the disk',
  usage: '',
  description: `
RECLAIMABLE is what \`stagecraft prune\` would free. Layers are those of builds and of unpacked images; the blobs of
images hold layers in their packed form.`,
  flags: {
    format: {
      kind: 'text',
      value: 'FORMAT',
      help: 'table, json, or a template such as "{{.Type}} {{.Bytes}}"',
    },
  },
  args: { min: 0, max: 0 },
  examples: [
    ['A table', 'stagecraft du'],
    ['For a script', 'stagecraft du --format json'],
  ],
  async run(flags, _args, { stdout, signal }) {
    // Layers have directories of other users, which can be read within a namespace only.
    requireNamespace();
    const store = openStore();
    const usages = await measureStore(store, signal);
    const rows = usages.map(({ kind, count, size, reclaimable }) => ({
      Type: kind[0]!.toUpperCase() + kind.slice(1),
      TotalCount: String(count),
      Size: humanSize(size),
      Reclaimable:
        size === 0 ? '0B' : `${humanSize(reclaimable)} (${Math.floor((100 * reclaimable) / size)}%)`,
      Bytes: String(size),
      ReclaimableBytes: String(reclaimable),
    }));
    stdout.write(formatRows(rows, columns, flags.format));
    if (flags.format !== undefined) return;
    const total = usages.reduce((sum, { size }) => sum + size, 0);
    stdout.write(
      `\n${layOutTable([
        ['Store:', store.root],
        ['Total:', humanSize(total)],
      ])}`,
    );
  },
});
