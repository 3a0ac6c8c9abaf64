import { imageHistory, inspectImage, openStore } from '../../api/images.ts';
import { defineCommand } from '../command.ts';
import { cutText, humanSince, humanSize, shortId } from '../human.ts';
import { type Column, formatRows, hidden } from '../table.ts';
import { readPlatform } from '../values/platform.ts';

const columns: Column[] = [
  { field: 'ID', heading: 'IMAGE' },
  { field: 'CreatedSince', heading: 'CREATED' },
  { field: 'CreatedBy', heading: 'CREATED BY' },
  { field: 'Size', heading: 'SIZE' },
  { field: 'Comment', heading: 'COMMENT' },
  ...hidden('CreatedAt', 'Layer'),
];

export const command = defineCommand({
  name: 'history',
  summary: 'Show the steps that made an image',
  usage: 'IMAGE',
  flags: {
    format: {
      kind: 'text',
      value: 'FORMAT',
      help: 'table, json, or a template such as "{{.Size}} {{.CreatedBy}}"',
    },
    human: { kind: 'boolean', short: 'H', help: 'Sizes and dates for people (default true)' },
    'no-trunc': { kind: 'boolean', help: 'Show whole commands and IDs' },
    platform: { kind: 'text', value: 'PLATFORM', help: 'The platform of an image that has several' },
    quiet: { kind: 'boolean', short: 'q', help: 'Show nothing but IDs' },
  },
  args: { min: 1, max: 1, complete: 'image' },
  examples: [
    ['The layers of an image, newest first', 'stagecraft history app'],
    ['Whole commands with their sizes in bytes', 'stagecraft history --no-trunc --human=false app'],
  ],
  async run(flags, [image], { stdout }) {
    const store = openStore();
    const platform = readPlatform(flags.platform);
    const id = inspectImage(store, image!, platform).Id;
    const human = flags.human ?? true;
    const whole = flags['no-trunc'] ?? false;
    const rows = imageHistory(store, image!, platform).map((line, i) => {
      const createdBy = line.createdBy.replaceAll('\t', ' ');
      return {
        ID: i > 0 ? '<missing>' : whole ? id : shortId(id),
        CreatedAt: line.created ?? '',
        CreatedSince: human ? humanSince(line.created) : (line.created ?? 'N/A'),
        CreatedBy: whole ? createdBy : cutText(createdBy.replace(/\s+/g, ' '), 45),
        Size: human ? humanSize(line.size) : String(line.size),
        Comment: line.comment,
        Layer: line.diffId ?? '',
      };
    });
    if (flags.quiet) stdout.write(rows.map(row => `${row.ID}\n`).join(''));
    else stdout.write(formatRows(rows, columns, flags.format));
  },
});
