import { parseCsv } from '../util/csv.ts';
import { StagecraftError } from '../util/errors.ts';
import { readAttributes } from './attributes.ts';
import type { Output, OutputType } from './types.ts';

const types = new Set<string>(['image', 'registry', 'oci', 'docker', 'tar', 'local', 'cacheonly']);

/** Whether it goes straight to the running Docker engine. */
export function isForEngine({ type, dest }: Output): boolean {
  return type === 'docker' && dest === undefined;
}

/**
 * Reads `--output` as buildx does: `type=...,dest=...` and the attributes of BuildKit's exporters; a bare path for a
 * directory, `-` for a tar archive on standard output.
 * @throws StagecraftError `usage`
 */
export function parseOutput(text: string): Output {
  const fields = parseCsv(text);
  if (fields.length === 1 && !fields[0]!.includes('=')) {
    const dest = fields[0]!;
    if (dest === '') throw new StagecraftError('usage', 'The output is empty.');
    return newOutput(dest === '-' ? 'tar' : 'local', dest);
  }
  const attributes = new Map<string, string>();
  for (const field of fields) {
    const equals = field.indexOf('=');
    if (equals < 0) throw new StagecraftError('usage', `The output attribute ${field} has no value.`);
    attributes.set(field.slice(0, equals).trim().toLowerCase(), field.slice(equals + 1));
  }
  const type = attributes.get('type');
  if (type === undefined) throw new StagecraftError('usage', `The output ${text} has no type.`);
  if (!types.has(type))
    throw new StagecraftError('usage', `Unknown output type ${JSON.stringify(type)}.`, {
      hint: `Use one of ${[...types].join(', ')}.`,
    });
  attributes.delete('type');
  // As with buildx: an archive goes to standard output unless told.
  const isArchive = type === 'oci' || type === 'tar';
  const output = newOutput(type as OutputType, attributes.get('dest') ?? (isArchive ? '-' : undefined));
  attributes.delete('dest');
  readAttributes(output, attributes);
  if (type === 'registry') output.push = true;
  checkDestination(output);
  return output;
}

function newOutput(type: OutputType, dest?: string): Output {
  return {
    type,
    ...(dest === undefined ? {} : { dest }),
    names: [],
    image: { compression: { type: 'gzip' }, mediaTypes: 'oci' },
    tar: true,
    mode: 'copy',
    push: type === 'registry',
    pushByDigest: false,
    insecure: false,
    store: true,
  };
}

function checkDestination(output: Output): void {
  const { type, dest } = output;
  // Without one, Docker's format goes straight to its engine.
  if (type === 'docker' && dest === undefined && output.tar) return;
  const needsDest = type === 'oci' || type === 'docker' || type === 'tar' || type === 'local';
  if (!needsDest && dest !== undefined)
    throw new StagecraftError('usage', `The output type ${type} has no destination; dest=${dest} was given.`);
  if (needsDest && !dest)
    throw new StagecraftError('usage', `The output type ${type} needs a destination.`, {
      hint:
        type === 'local' || !output.tar
          ? 'Add dest=DIRECTORY.'
          : 'Add dest=FILE, or dest=- for standard output.',
    });
  if (dest === '-' && (type === 'local' || !output.tar))
    throw new StagecraftError('usage', 'A directory cannot be written to standard output.', {
      hint:
        type === 'local'
          ? 'Use type=tar for the files in an archive.'
          : 'Add dest=DIRECTORY, or leave out tar=false.',
    });
}
