import { billOfMaterials, listPackages } from '../../api/sbom.ts';
import { parseEpoch } from '../../exporter/attributes.ts';
import { defineCommand } from '../command.ts';
import { shortId } from '../human.ts';
import { usageError } from '../parse.ts';
import { type Column, formatRows } from '../table.ts';
import { readLayerLimit, readStorageSettings } from '../values/storage.ts';

const columns: Column[] = [
  { field: 'Name', heading: 'NAME' },
  { field: 'Version', heading: 'VERSION' },
  { field: 'Type', heading: 'TYPE' },
  { field: 'Layer', heading: 'LAYER' },
  { field: 'Licenses', heading: 'LICENSES' },
];

export const command = defineCommand({
  name: 'sbom',
  summary: 'Print the bill of materials of an image: the packages in it',
  usage: 'IMAGE',
  description: `
Lists what dpkg, apk, rpm, npm, pip, Go, Cargo (with cargo-auditable) and Maven have left in the files of the image, with
licences and the layer that brought each. Nothing of the image is run. The same image has the same document each time: its
time is that of the image, or SOURCE_DATE_EPOCH.`,
  flags: {
    format: {
      kind: 'text',
      value: 'FORMAT',
      help: 'table, spdx-json or cyclonedx-json (default spdx-json, in a\nterminal table)',
      complete: ['table', 'spdx-json', 'cyclonedx-json'],
    },
    platform: { kind: 'text', value: 'PLATFORM', help: 'The platform of an image that has several' },
  },
  args: { min: 1, max: 1, complete: 'image' },
  examples: [
    ['What is in it', 'stagecraft sbom --format table app'],
    ['SPDX, into a file', 'stagecraft sbom app >app.spdx.json'],
    ['For tools that read CycloneDX', 'stagecraft sbom --format cyclonedx-json app >app.cdx.json'],
  ],
  async run(flags, [image], { stdout, stderr, env, signal }) {
    const format = flags.format ?? (stdout.isTTY ? 'table' : 'spdx-json');
    if (format !== 'table' && format !== 'spdx-json' && format !== 'cyclonedx-json')
      throw usageError(
        command,
        `There is no format ${format} of bills of materials.`,
        'There are table, spdx-json and cyclonedx-json.',
      );
    const inventory = await listPackages({
      image: image!,
      platform: flags.platform,
      maxLayerSize: readLayerLimit(env),
      storageLimits: readStorageSettings(env),
      onProblem: ({ message }) => stderr.write(`WARNING: ${message}\n`),
      sourceDateEpoch: env.SOURCE_DATE_EPOCH ? parseEpoch(env.SOURCE_DATE_EPOCH) : undefined,
      signal,
    });
    for (const gap of inventory.gaps) stderr.write(`WARNING: ${gap}\n`);
    if (format !== 'table') {
      stdout.write(`${JSON.stringify(await billOfMaterials(inventory, format), null, 2)}\n`);
      return;
    }
    const rows = inventory.packages.map(({ name, version, type, locations, licenses }) => {
      const layer = locations[0]?.layer;
      return {
        Name: name,
        Version: version,
        Type: type,
        Layer: layer === undefined ? '' : shortId(inventory.layers[layer]!.diffId),
        Licenses: licenses.join(', '),
      };
    });
    stdout.write(formatRows(rows, columns));
  },
});
