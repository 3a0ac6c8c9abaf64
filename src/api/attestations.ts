import { posix } from 'node:path';
import type { ProvenanceOptions, SbomOptions } from '../attest/options.ts';
import { type BuildFacts, newInvocationId, provenanceOf } from '../attest/provenance.ts';
import { forMetadata, toV02 } from '../attest/provenance-v02.ts';
import type { Attestation } from '../attest/types.ts';
import type { ImageResult } from '../exporter/types.ts';
import { formatPlatform } from '../image/platform.ts';
import { formatDocument } from '../sbom/format.ts';
import type { Inventory } from '../sbom/types.ts';
import type { RootFs } from '../snapshot/types.ts';
import { version } from '../util/version.ts';
import type { CheckedPlan } from './checked-plan.ts';
import { isDirectory } from './context-directory.ts';
import { isAddress } from './dockerfile-file.ts';
import type { BuildRequest } from './request.ts';
import { inventoryOf } from './sbom.ts';
import type { BuildServices } from './services.ts';

/** What is known of one run of a build besides what was asked for. */
export interface BuildRun {
  readonly startedAt: Date;
  /** What the context's commit is: `BuildFacts.vcs`. */
  readonly commit: Readonly<Record<string, string>>;
  /** What is looked into besides the images, each for one of them by its position: stages, and the context. */
  readonly scanned: readonly { readonly plan: number; readonly name: string; readonly rootFs: RootFs }[];
}

/**
 * Adds to the results of a build what its request wants stated of them: made when an output is written, which then
 * knows of what. Also gives what `docker buildx` has in its metadata file.
 */
export function attest(
  request: BuildRequest,
  services: BuildServices,
  plans: readonly CheckedPlan[],
  results: readonly ImageResult[],
  { startedAt, commit, scanned }: BuildRun,
): { results: readonly ImageResult[]; metadata: Record<string, unknown> } {
  const invocationId = newInvocationId();
  const { provenance, sbom } = request.attestations ?? {};
  const metadata: Record<string, unknown> = {};
  const attested = results.map((result, i): ImageResult => {
    const plan = plans[i]!;
    const facts = factsOf(request, services, plan, { startedAt, invocationId, vcs: commit });
    const mode = request.metadataProvenance;
    if (mode !== undefined) {
      const key = results.length > 1 ? `/${formatPlatform(plan.platform)}` : '';
      const options = { mode, builderId: '', reproducible: false, ...provenance };
      metadata[`buildx.build.provenance${key}`] = forMetadata(
        provenanceOf(facts, { ...options, mode }),
        mode,
      );
    }
    // The bill of materials comes first, as in BuildKit.
    const attestations = [
      ...(sbom ? [sbomOf(sbom, services, plan, result, startedAt)] : []),
      ...(sbom ? scanned : [])
        .filter(each => each.plan === i)
        .map(each => sbomBesides(sbom!, services, each, startedAt)),
      ...(provenance ? [provenanceAttestation(provenance, facts)] : []),
    ];
    return { ...result, attestations };
  });
  return { results: attested, metadata };
}

function provenanceAttestation(options: ProvenanceOptions, facts: BuildFacts): Attestation {
  const isV1 = options.version === 'v1';
  return {
    predicateType: `https://slsa.dev/provenance/${options.version}`,
    fileName: options.fileName,
    inlineOnly: options.inlineOnly,
    async predicate({ layers }) {
      const predicate = provenanceOf(facts, options, layers);
      return isV1 ? predicate : toV02(predicate);
    },
  };
}

function sbomOf(
  { fileName, inlineOnly }: SbomOptions,
  { sources }: BuildServices,
  { platform }: CheckedPlan,
  { rootFs }: ImageResult,
  startedAt: Date,
): Attestation {
  let inventory: Promise<Inventory> | undefined;
  return {
    predicateType: 'https://spdx.dev/Document',
    fileName,
    inlineOnly,
    async predicate({ names, digest, diffIds, created }) {
      inventory ??= inventoryOf(sources.layers, rootFs);
      return formatDocument('spdx-json', await inventory, {
        name: names[0] ?? digest ?? 'files',
        digest,
        layers: diffIds,
        architecture: platform.architecture,
        created: wholeSeconds(created ?? startedAt),
        version,
      });
    },
  };
}

/** Of a stage or the context: none of its layers, and no digest of the image, are in the document. */
function sbomBesides(
  { fileName, inlineOnly }: SbomOptions,
  { sources }: BuildServices,
  { name, rootFs }: BuildRun['scanned'][number],
  startedAt: Date,
): Attestation {
  return {
    predicateType: 'https://spdx.dev/Document',
    fileName: fileName.replace(/^[^.]*/, stem => `${stem}-${name}`),
    inlineOnly,
    async predicate({ created }) {
      return formatDocument('spdx-json', await inventoryOf(sources.layers, rootFs), {
        name: `sbom-${name}`,
        layers: [],
        created: wholeSeconds(created ?? startedAt),
        version,
      });
    },
  };
}

function wholeSeconds(time: string | Date): string {
  return new Date(time).toISOString().replace(/\.\d+Z$/, 'Z');
}

function factsOf(
  request: BuildRequest,
  { sources }: BuildServices,
  { definition }: CheckedPlan,
  run: Pick<BuildFacts, 'startedAt' | 'invocationId' | 'vcs'>,
): BuildFacts {
  const file = request.dockerfile ?? 'Dockerfile';
  const isLocal = request.context === '-' || sources.contexts.has('context');
  return {
    definition,
    pins: sources.pins,
    args: argumentsOf(request),
    ...(!isLocal && { contextAddress: request.context }),
    dockerfile: file === '-' ? 'Dockerfile' : isLocal ? posix.basename(file) : file,
    hasLocalDockerfile: isLocal && !isAddress(file),
    version,
    ...run,
  };
}

/** The request in the words of BuildKit's frontend, without what is a matter of this machine alone. */
function argumentsOf(request: BuildRequest): Record<string, string> {
  const named = (prefix: string, values: Readonly<Record<string, string>> = {}) =>
    Object.entries(values).map(([name, value]): [string, string] => [`${prefix}:${name}`, value]);
  const { target, noCache, network, addHosts = [], shmSize, ulimits = [], namedContexts = {} } = request;
  const contexts = Object.entries(namedContexts).map(([name, place]): [string, string] => [
    name,
    isDirectory(place) ? `local:${name}` : place,
  ]);
  return Object.fromEntries([
    ...named('build-arg', request.buildArgs),
    ...named('label', request.labels),
    ...named('context', Object.fromEntries(contexts)),
    ...Object.entries({
      ...(target !== undefined && { target }),
      ...(noCache && { 'no-cache': noCache === true ? '' : noCache.join(',') }),
      ...(network !== undefined && network !== 'default' && { 'force-network-mode': network }),
      ...(addHosts.length > 0 && { 'add-hosts': addHosts.map(pair => pair.join('=')).join(',') }),
      ...(shmSize !== undefined && { 'shm-size': String(shmSize) }),
      ...(ulimits.length > 0 && {
        ulimit: ulimits.map(({ name, soft, hard }) => `${name}=${soft}:${hard}`).join(','),
      }),
    }),
  ]);
}
