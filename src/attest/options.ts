import { parseBoolean } from '../util/boolean.ts';
import { parseCsv } from '../util/csv.ts';
import { StagecraftError } from '../util/errors.ts';

export type SlsaVersion = 'v1' | 'v0.2';

/** How a build is to tell what it was made of. */
export interface ProvenanceOptions {
  /** `max` has the arguments of the build, its graph and the Dockerfile; `min` has none of these. */
  readonly mode: 'min' | 'max';
  readonly version: SlsaVersion;
  readonly builderId: string;
  /** The user's word that it is. */
  readonly reproducible: boolean;
  /** Only where the output is an image that can hold it. */
  readonly inlineOnly: boolean;
  /** The file's name where the output is files. */
  readonly fileName: string;
}

export interface SbomOptions {
  readonly inlineOnly: boolean;
  readonly fileName: string;
}

/** What a build is to say of its result. */
export interface AttestationOptions {
  readonly provenance?: ProvenanceOptions;
  readonly sbom?: SbomOptions;
}

/**
 * Reads the values of `--attest`: `type=provenance,mode=max`, `type=sbom`; of several of one type the last counts, and
 * `disabled=true` takes it away.
 * @throws StagecraftError `usage`
 */
export function parseAttestations(texts: readonly string[]): AttestationOptions {
  const byType = new Map<string, Map<string, string>>();
  for (const text of texts) {
    const attributes = readAttributes(text);
    const type = attributes.get('type');
    if (type !== 'provenance' && type !== 'sbom')
      throw new StagecraftError(
        'usage',
        type === undefined ? `The attestation ${text} has no type.` : `Unknown attestation type ${type}.`,
        { hint: 'Use type=provenance or type=sbom.' },
      );
    attributes.delete('type');
    byType.set(type, attributes);
  }
  const [provenance, sbom] = ['provenance', 'sbom'].map(type => enabled(byType.get(type)));
  return {
    ...(provenance && { provenance: toProvenance(provenance) }),
    ...(sbom && { sbom: toSbom(sbom) }),
  };
}

/** The value of `--provenance` or `--sbom` as one of `--attest`: true, false, or attributes. */
export function longForm(type: 'provenance' | 'sbom', value: string): string {
  const flag = parseBoolean(value);
  if (flag !== undefined) return `type=${type},disabled=${!flag}`;
  return value === '' ? `type=${type}` : `type=${type},${value}`;
}

function readAttributes(text: string): Map<string, string> {
  const fields = parseCsv(text).map((field): [string, string] => {
    const equals = field.indexOf('=');
    return equals < 0
      ? [field.trim().toLowerCase(), '']
      : [field.slice(0, equals).trim().toLowerCase(), field.slice(equals + 1)];
  });
  return new Map(fields);
}

function enabled(attributes: Map<string, string> | undefined): Map<string, string> | undefined {
  if (attributes === undefined || readFlag(attributes, 'disabled')) return undefined;
  attributes.delete('disabled');
  return attributes;
}

function toProvenance(attributes: Map<string, string>): ProvenanceOptions {
  allowOnly('provenance', attributes, [
    'mode',
    'version',
    'builder-id',
    'reproducible',
    'inline-only',
    'filename',
  ]);
  const mode = attributes.get('mode') ?? 'max';
  if (mode !== 'min' && mode !== 'max')
    throw new StagecraftError('usage', `The provenance mode ${mode} is neither min nor max.`);
  const version = attributes.get('version') ?? 'v1';
  if (version !== 'v1' && version !== 'v0.2')
    throw new StagecraftError('usage', `The version ${version} of SLSA provenance is neither v1 nor v0.2.`);
  return {
    mode,
    version,
    builderId: attributes.get('builder-id') ?? '',
    reproducible: readFlag(attributes, 'reproducible'),
    inlineOnly: readFlag(attributes, 'inline-only'),
    fileName: readFileName(attributes, 'provenance.json'),
  };
}

function toSbom(attributes: Map<string, string>): SbomOptions {
  if (attributes.has('generator'))
    throw new StagecraftError('usage', 'A bill of materials is made here, by no generator image.', {
      hint: 'Leave out generator=.',
    });
  allowOnly('sbom', attributes, ['inline-only', 'filename']);
  return {
    inlineOnly: readFlag(attributes, 'inline-only'),
    fileName: readFileName(attributes, 'sbom.spdx.json'),
  };
}

function allowOnly(type: string, attributes: ReadonlyMap<string, string>, known: readonly string[]): void {
  const strange = [...attributes.keys()].find(key => !known.includes(key));
  if (strange !== undefined)
    throw new StagecraftError('usage', `Attestations of type ${type} have no attribute ${strange}.`, {
      hint: `There are: ${known.join(', ')}.`,
    });
}

/** A plain name: it is put beside the files of the result. */
function readFileName(attributes: ReadonlyMap<string, string>, usual: string): string {
  const name = attributes.get('filename') ?? usual;
  if (/^[\w.-]+$/.test(name) && name !== '.' && name !== '..') return name;
  throw new StagecraftError('usage', `An attestation cannot have the file name ${JSON.stringify(name)}.`);
}

function readFlag(attributes: ReadonlyMap<string, string>, key: string): boolean {
  const text = attributes.get(key);
  if (text === undefined) return false;
  const value = text === '' ? true : parseBoolean(text);
  if (value === undefined)
    throw new StagecraftError(
      'usage',
      `The attestation attribute ${key} is ${text}, neither true nor false.`,
    );
  return value;
}
