import { type Compression, parseCompression } from '../content/compression.ts';
import { parseReference, type Reference } from '../image/reference.ts';
import { parseBoolean } from '../util/boolean.ts';
import { type Digest, isDigest } from '../util/digest.ts';
import { StagecraftError } from '../util/errors.ts';
import { Attributes } from './attributes.ts';
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
function inlineExport(options: Partial<ExportOptions> = {}): CacheExport {
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
    ...retriesOf(attributes),
  };
}

function retriesOf(attributes: Attributes): Pick<S3Options, 'retryMode' | 'maxAttempts'> {
  const mode = attributes.take('retry_mode');
  if (mode !== undefined && mode !== 'standard' && mode !== 'adaptive')
    throw new StagecraftError('usage', `retry_mode is ${mode}, neither standard nor adaptive.`);
  const attempts = attributes.take('retry_max_attempts');
  if (attempts !== undefined && !/^[1-9][0-9]{0,2}$/.test(attempts))
    throw new StagecraftError('usage', `retry_max_attempts is ${attempts}, not a number from 1 to 999.`);
  // For servers to which another client signs a header that proxies change; this one sends no such header.
  attributes.flag('disable_accept_encoding');
  return { retryMode: mode, maxAttempts: attempts === undefined ? undefined : Number(attempts) };
}

function githubOf(attributes: Attributes, env: NodeJS.ProcessEnv): GithubOptions {
  const old = attributes.take('url');
  const version = attributes.take('version') ?? '2';
  if (version !== '2')
    throw new StagecraftError('usage', `The cache of GitHub Actions has no version ${version} any more.`, {
      hint: 'Leave out version=: the service of today is version 2.',
    });
  const token = attributes.take('ghtoken');
  const repository = attributes.take('repository') ?? env.GITHUB_REPOSITORY;
  if (token && !/^[\w.-]+\/[\w.-]+$/.test(repository ?? ''))
    throw new StagecraftError('usage', 'A cache of GitHub Actions with ghtoken needs repository=OWNER/NAME.');
  return {
    ...(token && {
      listing: { token, repository: repository!, url: env.GITHUB_API_URL || 'https://api.github.com' },
    }),
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
