import { parseCompression } from '../content/compression.ts';
import { checkNewName } from '../store/images.ts';
import { parseBoolean } from '../util/boolean.ts';
import { parseCsv } from '../util/csv.ts';
import { StagecraftError } from '../util/errors.ts';
import { type Annotation, parseAnnotationAttribute } from './annotations.ts';
import type { ImageOptions } from './types.ts';

export type OutputType = 'image' | 'registry' | 'oci' | 'docker' | 'tar' | 'local' | 'cacheonly';

/** Where the result of a build goes: one `--output`. */
export interface Output {
  type: OutputType;
  /** A path, or `-` for standard output; for `docker` nothing means the running engine. */
  dest?: string;
  /** Full references, from `name=`. */
  names: string[];
  /** For the types that make an image. */
  image: ImageOptions;
  /** For `oci` and `docker`: false for a directory instead of an archive. */
  tar: boolean;
  /** For `tar` and `local`: one directory a platform, also for a single one. */
  platformSplit?: boolean;
  /** For `local`: `delete` removes what was in the directory and is not in the result. */
  mode: 'copy' | 'delete';
  /** For `image`: send it to the registry that its name says. */
  push: boolean;
  pushByDigest: boolean;
  /** The registry may be spoken to without TLS. */
  insecure: boolean;
  /** Whether attestations for images alone go into this one; those of the store and registries take them unless told. */
  attestationInline?: boolean;
  /** For `tar` and `local`: begins the names of files with attestations. */
  attestationPrefix?: string;
}

const types = new Set<string>(['image', 'registry', 'oci', 'docker', 'tar', 'local', 'cacheonly']);
/** Attributes of BuildKit that say what is so here anyway, or what means nothing here. */
const withoutEffect = new Set([
  'unpack',
  'store',
  'buildinfo',
  'buildinfo-attrs',
  'prefer-nondist-layers',
  'name-canonical',
  'dangling-name-prefix',
  'danging-name-empty-only',
]);

/**
 * Refuses what cannot be written here. Worth asking before a build: it would only fail when all else is done.
 * @param index true where the image is an index of platforms
 * @throws StagecraftError
 */
export function checkOutput(output: Output, index = false): void {
  if (output.type === 'docker' && index)
    throw new StagecraftError('usage', "Docker's archive format holds images for one platform only.", {
      hint: 'Use type=oci, or the store with type=image; or build one platform at a time.',
    });
  if (output.push && output.names.length === 0)
    throw new StagecraftError('usage', 'An image without a name cannot be pushed.', {
      hint: 'Name it and its registry with -t, such as -t registry.example.com/team/app:1.2.',
    });
  if (output.dest === '-') requireNoTerminal();
}

/** @throws StagecraftError `usage` where standard output is a terminal, which no archive is for */
export function requireNoTerminal(): void {
  if (process.stdout.isTTY)
    throw new StagecraftError('usage', 'An archive is not written to a terminal.', {
      hint: 'Redirect standard output, or name a file.',
    });
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
  const output = newOutput(type as OutputType, attributes.get('dest'));
  attributes.delete('dest');
  readAttributes(output, attributes);
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
  };
}

function readAttributes(output: Output, attributes: ReadonlyMap<string, string>): void {
  const annotations: Annotation[] = [];
  const level = attributes.get('compression-level');
  for (const [key, value] of attributes) {
    const annotation = parseAnnotationAttribute(key, value);
    if (annotation) annotations.push(annotation);
    else if (!readAttribute(output, key, value, level) && !withoutEffect.has(key))
      throw new StagecraftError('usage', `The output type ${output.type} has no attribute ${key}.`);
  }
  if (level !== undefined && !attributes.has('compression'))
    output.image.compression = parseCompression('gzip', level);
  if (annotations.length > 0) output.image.annotations = annotations;
}

function readAttribute(output: Output, key: string, value: string, level: string | undefined): boolean {
  const { image } = output;
  switch (key) {
    case 'name':
      output.names = value.split(',').filter(Boolean).map(checkNewName);
      return true;
    case 'compression':
      image.compression = parseCompression(value, level);
      return true;
    case 'compression-level':
      return true;
    case 'force-compression':
      image.forceCompression = parseFlag(key, value);
      return true;
    case 'oci-mediatypes':
      image.mediaTypes = parseFlag(key, value) ? 'oci' : 'docker';
      return true;
    case 'rewrite-timestamp':
      image.rewriteTimestamp = parseFlag(key, value);
      return true;
    case 'source-date-epoch':
      image.epoch = parseEpoch(value);
      return true;
    case 'tar':
      output.tar = parseFlag(key, value);
      return true;
    case 'platform-split':
      output.platformSplit = parseFlag(key, value);
      return true;
    case 'mode':
      if (value !== 'copy' && value !== 'delete')
        throw new StagecraftError('usage', `The output mode ${value} is neither copy nor delete.`);
      output.mode = value;
      return true;
    case 'oci-artifact':
      image.ociArtifact = parseFlag(key, value);
      return true;
    case 'attestation-inline':
      output.attestationInline = parseFlag(key, value);
      return true;
    case 'attestation-prefix':
      output.attestationPrefix = parsePrefix(value);
      return true;
    case 'push':
      output.push = parseFlag(key, value);
      return true;
    case 'push-by-digest':
      output.pushByDigest = parseFlag(key, value);
      return true;
    case 'registry.insecure':
      output.insecure = parseFlag(key, value);
      return true;
    default:
      return false;
  }
}

/** `SOURCE_DATE_EPOCH`: whole seconds since the epoch (reproducible-builds.org specification). @throws StagecraftError `usage` */
export function parseEpoch(text: string): number {
  const seconds = Number(text);
  // 253402300799 is the end of the year 9999, the last that RFC 3339 can say.
  if (!/^[0-9]{1,12}$/.test(text) || seconds > 253_402_300_799)
    throw new StagecraftError(
      'usage',
      `SOURCE_DATE_EPOCH is ${JSON.stringify(text)}, not a number of seconds.`,
    );
  return seconds;
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
      hint: type === 'local' ? 'Add dest=DIRECTORY.' : 'Add dest=FILE, or dest=- for standard output.',
    });
  if (dest === '-' && (type === 'local' || !output.tar))
    throw new StagecraftError('usage', 'A directory cannot be written to standard output.', {
      hint: 'Use type=tar for the files in an archive.',
    });
}

/** A part of a name in the top directory. @throws StagecraftError `usage` */
function parsePrefix(value: string): string {
  if (/^[\w.-]*$/.test(value)) return value;
  throw new StagecraftError('usage', `The attestation prefix ${JSON.stringify(value)} is no part of a name.`);
}

function parseFlag(key: string, value: string): boolean {
  // An attribute without value is set.
  const flag = value === '' ? true : parseBoolean(value);
  if (flag !== undefined) return flag;
  throw new StagecraftError('usage', `The output attribute ${key} is ${value}, neither true nor false.`);
}
