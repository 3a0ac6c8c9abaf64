import { type Compression, parseCompression } from '../content/compression.ts';
import { parseReference, type Reference } from '../image/reference.ts';
import { parseBoolean } from '../util/boolean.ts';
import { parseCsv } from '../util/csv.ts';
import { type Digest, isDigest } from '../util/digest.ts';
import { parseDuration } from '../util/duration.ts';
import { StagecraftError } from '../util/errors.ts';
import type { GithubOptions } from './places/github.ts';
import type { S3Options } from './places/s3.ts';

/** A cache to read: one `--cache-from`. */
export type CacheImport = {
  /** Whether cache mounts are restored from it. */
  readonly mounts: boolean;
} & (
  | { readonly type: 'registry'; readonly reference: Reference; readonly insecure: boolean }
  | {
      readonly type: 'local';
      readonly src: string;
      readonly tag: string;
      readonly digest?: Digest | undefined;
    }
  | ({ readonly type: 's3' } & S3Options)
  | ({ readonly type: 'gha' } & GithubOptions)
);

interface ExportOptions {
  /** `max` for the results of all steps, `min` for those whose layers the image has. */
  readonly mode: 'min' | 'max';
  readonly compression: Compression;
  readonly forceCompression: boolean;
  /** A cache that cannot be written is no reason to fail. */
  readonly ignoreError: boolean;
  readonly imageManifest: boolean;
  readonly mediaTypes: 'oci' | 'docker';
  /** Whether the cache mounts of the build's steps go with it, or which ones, by their ids. */
  readonly mounts: boolean | readonly string[];
}

/** A cache to write: one `--cache-to`. */
export type CacheExport = ExportOptions &
  (
    | { readonly type: 'registry'; readonly reference: Reference; readonly insecure: boolean }
    | { readonly type: 'local'; readonly dest: string; readonly tag: string; readonly reset: boolean }
    | ({ readonly type: 's3' } & S3Options)
    | ({ readonly type: 'gha' } & GithubOptions)
    | { readonly type: 'inline' }
  );

/** @throws StagecraftError `usage` */
export function parseCacheFrom(text: string, env: NodeJS.ProcessEnv): CacheImport {
  const attributes = new Attributes('--cache-from', text);
  const type = attributes.type(['registry', 'local', 's3', 'gha']);
  const mounts = attributes.flag('mounts') ?? true;
  if (type === 'registry') {
    const place = registryOf(attributes);
    attributes.end();
    return { type, mounts, ...place };
  }
  if (type === 's3') {
    const place = s3Of(attributes, env);
    attributes.end();
    return { type, mounts, ...place };
  }
  if (type === 'gha') {
    const place = githubOf(attributes, env);
    attributes.end();
    return { type, mounts, ...place };
  }
  const src = attributes.required('src', 'DIRECTORY');
  const digest = attributes.take('digest');
  if (digest !== undefined && !isDigest(digest))
    throw new StagecraftError('usage', `${digest} in --cache-from is no SHA-256 digest.`);
  const tag = attributes.take('tag') ?? 'latest';
  attributes.end();
  return { type: 'local', mounts, src, tag, digest };
}

/** @throws StagecraftError `usage` */
export function parseCacheTo(text: string, env: NodeJS.ProcessEnv): CacheExport {
  const attributes = new Attributes('--cache-to', text);
  const type = attributes.type(['registry', 'local', 's3', 'gha', 'inline']);
  const options = exportOptions(attributes);
  if (type === 'registry') {
    const place = registryOf(attributes);
    if (place.reference.digest !== undefined)
      throw new StagecraftError('usage', 'A cache is written under a tag, not under a digest.');
    attributes.end();
    return { type, ...place, ...options };
  }
  if (type === 's3') {
    const place = s3Of(attributes, env);
    attributes.end();
    return { type, ...place, ...options };
  }
  if (type === 'gha') {
    const place = githubOf(attributes, env);
    attributes.end();
    return { type, ...place, ...options };
  }
  if (type === 'local') {
    const dest = attributes.required('dest', 'DIRECTORY');
    const tag = attributes.take('tag') ?? 'latest';
    const reset = attributes.flag('reset') ?? false;
    attributes.end();
    return { type, dest, tag, reset, ...options };
  }
  attributes.end();
  if (options.mounts !== false)
    throw new StagecraftError('usage', 'The cache in an image has no place for cache mounts.', {
      hint: 'Everyone who runs the image would pull them: write them to a cache of their own, with one more --cache-to type=registry,ref=NAME,mounts=true.',
    });
  return inlineExport(options);
}

/** All `--cache-from` of a build. @throws StagecraftError `usage` */
export function parseCacheImports(texts: readonly string[], env: NodeJS.ProcessEnv): CacheImport[] {
  return texts.map(text => parseCacheFrom(text, env)).filter(isActive);
}

/** As in buildx: one command serves on a runner of GitHub's and elsewhere, where that cache is none. */
function isActive(cache: CacheImport | CacheExport): boolean {
  return cache.type !== 'gha' || (cache.token !== '' && cache.url !== '');
}

/**
 * All `--cache-to` of a build.
 * @param inline the build argument by which Docker's tools ask for a cache in the image
 * @throws StagecraftError `usage`
 */
export function parseCacheExports(
  texts: readonly string[],
  env: NodeJS.ProcessEnv,
  inline: string | undefined,
): CacheExport[] {
  const all = texts.map(text => parseCacheTo(text, env)).filter(isActive);
  if (parseBoolean(inline ?? '') && !all.some(({ type }) => type === 'inline')) all.push(inlineExport());
  return all;
}

/** The cache that an image carries, which holds just what the image does. */
export function inlineExport(options: Partial<ExportOptions> = {}): CacheExport {
  return { ...defaults, ...options, type: 'inline', mode: 'min' };
}

const defaults: ExportOptions = {
  mode: 'min',
  compression: { type: 'gzip' },
  forceCompression: false,
  ignoreError: false,
  imageManifest: true,
  mediaTypes: 'oci',
  mounts: false,
};

function registryOf(attributes: Attributes): { reference: Reference; insecure: boolean } {
  const reference = parseReference(attributes.required('ref', 'REGISTRY/REPOSITORY:TAG'));
  return { reference, insecure: attributes.flag('registry.insecure') ?? false };
}

function s3Of(attributes: Attributes, env: NodeJS.ProcessEnv): S3Options {
  const bucket = attributes.take('bucket') ?? env.AWS_BUCKET;
  const region = attributes.take('region') ?? env.AWS_REGION;
  if (!bucket) throw new StagecraftError('usage', 'A cache in S3 needs bucket=NAME, or AWS_BUCKET.');
  if (!region) throw new StagecraftError('usage', 'A cache in S3 needs region=NAME, or AWS_REGION.');
  const accessKeyId = attributes.take('access_key_id');
  const secretAccessKey = attributes.take('secret_access_key');
  const sessionToken = attributes.take('session_token');
  const parallelism = attributes.take('upload_parallelism') ?? '4';
  if (!/^[1-9][0-9]{0,2}$/.test(parallelism))
    throw new StagecraftError('usage', `upload_parallelism is ${parallelism}, not a number from 1 to 999.`);
  return {
    bucket,
    region,
    prefix: attributes.take('prefix') ?? '',
    blobsPrefix: attributes.take('blobs_prefix') ?? 'blobs/',
    manifestsPrefix: attributes.take('manifests_prefix') ?? 'manifests/',
    names: (attributes.take('name') ?? 'buildkit').split(';'),
    endpoint: attributes.take('endpoint_url'),
    usePathStyle: attributes.flag('use_path_style') ?? false,
    credentials:
      accessKeyId && secretAccessKey
        ? { accessKeyId, secretAccessKey, ...(sessionToken && { sessionToken }) }
        : undefined,
    uploadParallelism: Number(parallelism),
    touchRefresh: attributes.duration('touch_refresh') ?? 86_400_000,
  };
}

function githubOf(attributes: Attributes, env: NodeJS.ProcessEnv): GithubOptions {
  const old = attributes.take('url');
  return {
    url: attributes.take('url_v2') ?? env.ACTIONS_RESULTS_URL ?? old ?? '',
    token: attributes.take('token') ?? env.ACTIONS_RUNTIME_TOKEN ?? '',
    scope: attributes.take('scope') ?? 'buildkit',
    timeout: attributes.duration('timeout') ?? 600_000,
  };
}

function exportOptions(attributes: Attributes): ExportOptions {
  const mode = attributes.take('mode') ?? 'min';
  if (mode !== 'min' && mode !== 'max')
    throw new StagecraftError('usage', `The cache mode ${mode} is neither min nor max.`);
  const level = attributes.take('compression-level');
  const compression = parseCompression(attributes.take('compression') ?? 'gzip', level);
  const isOci = attributes.flag('oci-mediatypes') ?? true;
  const imageManifest = attributes.flag('image-manifest') ?? isOci;
  if (imageManifest && !isOci)
    throw new StagecraftError('usage', 'A cache in the form of an image manifest needs OCI media types.', {
      hint: 'Leave out oci-mediatypes=false, or add image-manifest=false.',
    });
  return {
    mode,
    compression,
    forceCompression: attributes.flag('force-compression') ?? false,
    ignoreError: attributes.flag('ignore-error') ?? false,
    imageManifest,
    mediaTypes: isOci ? 'oci' : 'docker',
    mounts: attributes.flagOr('mounts') ?? false,
  };
}

/** `type=registry,ref=...`: each attribute is to be taken once. */
class Attributes {
  readonly #flag: string;
  readonly #values = new Map<string, string>();

  constructor(flag: string, text: string) {
    this.#flag = flag;
    const fields = parseCsv(text);
    // As buildx has it: what has no attributes is a name in a registry.
    if (fields.length === 1 && !text.includes('=') && text !== '') {
      this.#values.set('type', 'registry').set('ref', text);
      return;
    }
    for (const field of fields) {
      const equals = field.indexOf('=');
      if (equals < 0)
        throw new StagecraftError('usage', `The attribute ${JSON.stringify(field)} of ${flag} has no value.`);
      this.#values.set(field.slice(0, equals).trim().toLowerCase(), field.slice(equals + 1));
    }
  }

  type<T extends string>(known: readonly T[]): T {
    const type = this.take('type');
    const found = known.find(each => each === type);
    if (found !== undefined) return found;
    throw new StagecraftError(
      'usage',
      type === undefined ? `${this.#flag} has no type.` : `Unknown type ${JSON.stringify(type)} of cache.`,
      { hint: `Use type=${known.join(', type=')}, or just the name of a cache in a registry.` },
    );
  }

  take(name: string): string | undefined {
    const value = this.#values.get(name);
    this.#values.delete(name);
    return value;
  }

  required(name: string, shown: string): string {
    const value = this.take(name);
    if (value) return value;
    throw new StagecraftError('usage', `${this.#flag} needs ${name}=${shown}.`);
  }

  flag(name: string): boolean | undefined {
    const text = this.take(name);
    if (text === undefined) return undefined;
    const value = text === '' ? true : parseBoolean(text);
    if (value !== undefined) return value;
    throw new StagecraftError(
      'usage',
      `The attribute ${name} of ${this.#flag} is ${text}, neither true nor false.`,
    );
  }

  /** True, false, or a list of names between semicolons. */
  flagOr(name: string): boolean | string[] | undefined {
    const text = this.#values.get(name);
    if (text === undefined || text === '' || parseBoolean(text) !== undefined) return this.flag(name);
    this.take(name);
    return text.split(';').filter(each => each !== '');
  }

  /** Milliseconds. */
  duration(name: string): number | undefined {
    const text = this.take(name);
    if (text === undefined) return undefined;
    const value = parseDuration(text);
    if (value !== undefined && value >= 0) return value / 1e6;
    throw new StagecraftError('usage', `The attribute ${name} of ${this.#flag} is ${text}, no duration.`, {
      hint: 'Write it like 24h or 1m30s.',
    });
  }

  end(): void {
    const [left] = this.#values.keys();
    if (left !== undefined)
      throw new StagecraftError('usage', `${this.#flag} has no attribute ${left} for this type.`);
  }
}
