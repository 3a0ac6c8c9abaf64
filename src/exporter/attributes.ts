import { parseCompression } from '../content/compression.ts';
import { parseName } from '../image/reference.ts';
import { checkNewName } from '../store/images.ts';
import { parseBoolean } from '../util/boolean.ts';
import { StagecraftError } from '../util/errors.ts';
import { type Annotation, parseAnnotationAttribute } from './annotations.ts';
import type { ImageOptions, Output, OutputType } from './types.ts';

/** One attribute of outputs: the types that have it, and what its value says. */
interface Attribute {
  readonly of: readonly OutputType[];
  /** @param given all attributes of the output */
  read(output: Output, value: string, given: ReadonlyMap<string, string>): void;
}

const stored: readonly OutputType[] = ['image', 'registry'];
const archived: readonly OutputType[] = ['oci', 'docker'];
const images: readonly OutputType[] = [...stored, ...archived];
const files: readonly OutputType[] = ['tar', 'local'];

/** Those of BuildKit's exporters: its README, "Output", and `exporter/containerimage/exptypes/keys.go`. */
const attributes: ReadonlyMap<string, Attribute> = new Map<string, Attribute>([
  ['name', { of: images, read: (output, value) => Object.assign(output, { names: parseNames(value) }) }],
  flag('push', stored, 'push'),
  flag('push-by-digest', stored, 'pushByDigest'),
  flag('registry.insecure', stored, 'insecure'),
  flag('unpack', stored, 'unpack'),
  flag('store', stored, 'store'),
  flag('name-canonical', stored, 'nameCanonical'),
  ['dangling-name-prefix', { of: stored, read: readDanglingPrefix }],
  // Spelled so in BuildKit.
  flag('danging-name-empty-only', stored, 'danglingEmptyOnly'),
  ['compression', { of: images, read: readCompression }],
  ['compression-level', { of: images, read: readCompression }],
  imageFlag('force-compression', 'forceCompression'),
  imageFlag('rewrite-timestamp', 'rewriteTimestamp'),
  imageFlag('oci-artifact', 'ociArtifact'),
  ['oci-mediatypes', { of: images, read: readMediaTypes }],
  ['prefer-nondist-layers', { of: images, read: refuseNonDistributable }],
  flag('attestation-inline', images, 'attestationInline'),
  // What BuildKit once wrote of a build: it, too, takes the attributes and does nothing.
  ['buildinfo', { of: images, read: () => {} }],
  ['buildinfo-attrs', { of: images, read: () => {} }],
  flag('tar', archived, 'tar'),
  ['source-date-epoch', { of: [...images, ...files], read: readEpoch }],
  ['attestation-prefix', { of: files, read: readAttestationPrefix }],
  flag('platform-split', files, 'platformSplit'),
  ['mode', { of: ['local'], read: readMode }],
]);

/**
 * Reads what is said of an output besides its type and destination.
 * @param given names in lower case
 * @throws StagecraftError `usage` for an attribute that the type does not have
 */
export function readAttributes(output: Output, given: ReadonlyMap<string, string>): void {
  const annotations: Annotation[] = [];
  for (const [key, value] of given) {
    const annotation = images.includes(output.type) ? parseAnnotationAttribute(key, value) : undefined;
    const attribute = attributes.get(key);
    if (annotation !== undefined) annotations.push(annotation);
    else if (attribute?.of.includes(output.type)) attribute.read(output, value, given);
    else throw unknownAttribute(output.type, key, attribute);
  }
  if (annotations.length > 0) output.image.annotations = annotations;
}

function unknownAttribute(type: OutputType, key: string, attribute: Attribute | undefined): StagecraftError {
  const own = [...attributes].flatMap(([name, { of }]) => (of.includes(type) ? [name] : []));
  const annotations = images.includes(type) ? ' and annotation.KEY' : '';
  return new StagecraftError('usage', `The output type ${type} has no attribute ${key}.`, {
    hint:
      attribute !== undefined
        ? `It is one of ${attribute.of.map(each => `type=${each}`).join(', ')}.`
        : own.length > 0
          ? `It has ${own.join(', ')}${annotations}.`
          : 'It has none.',
  });
}

type FlagsOf<T> = { [K in keyof T]-?: NonNullable<T[K]> extends boolean ? K : never }[keyof T];

function flag(
  name: string,
  of: readonly OutputType[],
  field: FlagsOf<Output>,
): [name: string, attribute: Attribute] {
  return [name, { of, read: (output, value) => Object.assign(output, { [field]: parseFlag(name, value) }) }];
}

function imageFlag(name: string, field: FlagsOf<ImageOptions>): [name: string, attribute: Attribute] {
  const read: Attribute['read'] = ({ image }, value) =>
    Object.assign(image, { [field]: parseFlag(name, value) });
  return [name, { of: images, read }];
}

function parseFlag(key: string, value: string): boolean {
  // An attribute without value is set.
  const set = value === '' ? true : parseBoolean(value);
  if (set !== undefined) return set;
  throw new StagecraftError('usage', `The output attribute ${key} is ${value}, neither true nor false.`);
}

function parseNames(value: string): string[] {
  return value.split(',').filter(Boolean).map(checkNewName);
}

function readDanglingPrefix(output: Output, value: string): void {
  const { tag, digest } = parseName(value);
  if (tag !== undefined || digest !== undefined)
    throw new StagecraftError(
      'usage',
      `The name ${value} is to go before a digest, and ends with one or a tag.`,
    );
  output.danglingPrefix = value;
}

function readCompression({ image }: Output, _value: string, given: ReadonlyMap<string, string>): void {
  image.compression = parseCompression(given.get('compression') ?? 'gzip', given.get('compression-level'));
}

function readMediaTypes({ image }: Output, value: string): void {
  image.mediaTypes = parseFlag('oci-mediatypes', value) ? 'oci' : 'docker';
}

function refuseNonDistributable(_output: Output, value: string): void {
  if (parseFlag('prefer-nondist-layers', value))
    throw new StagecraftError('unsupported', 'Layers cannot be marked as not to be distributed.', {
      hint: 'Leave out prefer-nondist-layers.',
    });
}

function readEpoch({ image }: Output, value: string): void {
  image.epoch = parseEpoch(value);
}

/** A part of a name in the top directory. */
function readAttestationPrefix(output: Output, value: string): void {
  if (!/^[\w.-]*$/.test(value))
    throw new StagecraftError(
      'usage',
      `The attestation prefix ${JSON.stringify(value)} is no part of a name.`,
    );
  output.attestationPrefix = value;
}

function readMode(output: Output, value: string): void {
  if (value !== 'copy' && value !== 'delete')
    throw new StagecraftError('usage', `The output mode ${value} is neither copy nor delete.`);
  output.mode = value;
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
