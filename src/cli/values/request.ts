import type { BuildRequest } from '../../api/request.ts';
import { type AttestationOptions, longForm, parseAttestations } from '../../attest/options.ts';
import { parseCacheExports, parseCacheImports } from '../../cache/options.ts';
import { parseAnnotation } from '../../exporter/annotations.ts';
import { parseEpoch } from '../../exporter/attributes.ts';
import { checkNewName } from '../../store/images.ts';
import { parseBoolean } from '../../util/boolean.ts';
import { StagecraftError } from '../../util/errors.ts';
import type { BuildFlags } from '../build-flags.ts';
import { readChoice, readCount, readHost, readUlimit } from './limits.ts';
import { readOutputs } from './outputs.ts';
import { readLabels, readVariables, splitPair } from './pairs.ts';
import { readProxies } from './proxies.ts';
import { readBytes } from './size.ts';
import { readAgents, readSecret } from './sources.ts';
import { readLayerLimit, readStorageSettings } from './storage.ts';

/** What the flags of `stagecraft build` ask for. @throws StagecraftError `usage` */
export function readBuildRequest(flags: BuildFlags, context: string, env: NodeJS.ProcessEnv): BuildRequest {
  const buildArgs = { ...readProxies(env), ...readVariables('--build-arg', flags['build-arg'], env) };
  // As buildx does: what a build must not be later than is a fact of its surroundings.
  if (env.SOURCE_DATE_EPOCH) buildArgs.SOURCE_DATE_EPOCH ??= env.SOURCE_DATE_EPOCH;
  const epoch = buildArgs.SOURCE_DATE_EPOCH;
  return {
    context,
    dockerfile: flags.file,
    target: flags.target,
    buildArgs,
    labels: readLabels('--label', flags.label),
    tags: readNames(flags.tag),
    outputs: readOutputs(flags),
    annotations: flags.annotation.flatMap(parseAnnotation),
    attestations: readAttestations(flags),
    metadataProvenance: readMetadataProvenance(flags, env),
    commit: {
      labels: env.BUILDX_GIT_LABELS === 'full' || parseBoolean(env.BUILDX_GIT_LABELS ?? '') === true,
      provenance: parseBoolean(env.BUILDX_GIT_INFO ?? '') ?? true,
      checkDirty: parseBoolean(env.BUILDX_GIT_CHECK_DIRTY ?? '') === true,
    },
    require: flags.require.flatMap(stages => stages.split(',')),
    cacheFrom: parseCacheImports(flags['cache-from'], env),
    cacheTo: parseCacheExports(flags['cache-to'], env, buildArgs.BUILDKIT_INLINE_CACHE),
    noCache: readNoCache(flags),
    pull: flags.pull,
    platforms: flags.platform.flatMap(platforms => platforms.split(',')).map(each => each.trim()),
    network: readChoice('--network', flags.network ?? 'default', ['default', 'host', 'none']),
    addHosts: flags['add-host'].map(readHost),
    shmSize: flags['shm-size'] === undefined ? undefined : readBytes('--shm-size', flags['shm-size']),
    ulimits: flags.ulimit.map(readUlimit),
    cgroupParent: flags['cgroup-parent'],
    secrets: flags.secret.map(secret => readSecret(secret, env)),
    ssh: readAgents(flags.ssh),
    namedContexts: Object.fromEntries(flags['build-context'].map(readContext)),
    allow: flags.allow,
    jobs: flags.jobs === undefined ? undefined : readCount('--jobs', flags.jobs),
    trustHostCa: flags['trust-host-ca'] ?? /^(1|true|yes)$/i.test(env.STAGECRAFT_TRUST_HOST_CA ?? ''),
    storageLimits: readStorageSettings(env),
    maxLayerSize: readLayerLimit(env),
    sourceDateEpoch: epoch === undefined || !/^[0-9]+$/.test(epoch) ? undefined : parseEpoch(epoch),
  };
}

/** Later flags before earlier ones, and the short ones before `--attest`. */
function readAttestations({ attest, provenance, sbom }: BuildFlags): AttestationOptions {
  return parseAttestations([
    ...attest,
    ...(provenance === undefined ? [] : [longForm('provenance', provenance)]),
    ...(sbom === undefined ? [] : [longForm('sbom', sbom)]),
  ]);
}

/** As in buildx: the metadata file tells what the image was made of, unless a variable says otherwise. */
function readMetadataProvenance(flags: BuildFlags, env: NodeJS.ProcessEnv): 'min' | 'max' | undefined {
  const mode = env.BUILDX_METADATA_PROVENANCE ?? 'min';
  if (flags['metadata-file'] === undefined || parseBoolean(mode) === false || mode === 'disabled')
    return undefined;
  return mode === 'max' ? 'max' : 'min';
}

/** As buildx reads both flags: names by commas, and no name at all for all stages. */
function readNoCache(flags: BuildFlags): boolean | string[] {
  const stages = flags['no-cache-filter'].join(',').split(',');
  if (flags['no-cache-filter'].length === 0) return flags['no-cache'] ?? false;
  if (flags['no-cache'])
    throw new StagecraftError('usage', '--no-cache and --no-cache-filter cannot be used together.', {
      hint: '--no-cache is for all stages; leave out the one or the other.',
    });
  return stages.length === 1 && stages[0] === '' ? true : stages;
}

export function readContext(text: string): [name: string, place: string] {
  const [name, place] = splitPair(text);
  if (name !== '' && place) return [name, place];
  throw new StagecraftError('usage', `The value "${text}" of --build-context is not NAME=PLACE.`);
}

/** Names for an image, checked before any work is done. @throws StagecraftError `usage` */
export function readNames(tags: readonly string[]): string[] {
  for (const tag of tags) checkNewName(tag);
  return [...tags];
}
