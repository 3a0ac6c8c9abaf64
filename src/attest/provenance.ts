import { randomBytes } from 'node:crypto';
import { formatPlatform, hostPlatform, normalizePlatform } from '../image/platform.ts';
import type { Descriptor } from '../image/types.ts';
import { type Definition, unmarshal } from '../llb/index.ts';
import { maskCredentials } from '../util/credentials.ts';
import { type BuildConfig, nameSteps, type SourceMap } from './build-config.ts';
import { dependenciesOf, type Lent, type Material, type Pins } from './materials.ts';
import type { ProvenanceOptions } from './options.ts';

/** What is known of a build before anything of it ran, or is known only once it has. */
export interface BuildFacts {
  readonly definition: Definition;
  readonly pins: Pins;
  /** The frontend's options as BuildKit names them: `build-arg:NAME`, `label:NAME`, `target`. */
  readonly args: Readonly<Record<string, string>>;
  /** Where the context is on the network. */
  readonly contextAddress?: string | undefined;
  /** The path of the Dockerfile in its context. */
  readonly dockerfile: string;
  /** True where the Dockerfile is a file of the client. */
  readonly hasLocalDockerfile: boolean;
  /** What the context is a version of: `revision`, `source`, and `localdir:NAME` for where directories are in it. */
  readonly vcs?: Readonly<Record<string, string>>;
  readonly startedAt: Date;
  /** One for all that one build says. */
  readonly invocationId: string;
  /** Of this program. */
  readonly version: string;
}

/** SLSA provenance v1 with BuildKit's parameters: docs/attestations/slsa-definitions.md. */
export interface Predicate {
  readonly buildDefinition: {
    readonly buildType: string;
    readonly externalParameters: {
      readonly configSource: ConfigSource;
      readonly request: RequestParameters;
    };
    readonly internalParameters: {
      readonly buildConfig?: BuildConfig;
      readonly builderPlatform: string;
    };
    readonly resolvedDependencies?: readonly Material[];
  };
  readonly runDetails: {
    readonly builder: { readonly id: string; readonly version: Readonly<Record<string, string>> };
    readonly metadata: {
      readonly invocationId: string;
      readonly startedOn: string;
      readonly finishedOn: string;
      readonly buildkit_metadata: {
        readonly vcs?: Readonly<Record<string, string>>;
        readonly source?: SourceMap;
        readonly layers?: Readonly<Record<string, readonly (readonly Descriptor[])[]>>;
      };
      readonly buildkit_hermetic?: true;
      readonly buildkit_completeness: {
        readonly request: boolean;
        readonly resolvedDependencies: boolean;
      };
      readonly buildkit_reproducible?: true;
    };
  };
}

export interface ConfigSource {
  readonly uri?: string;
  readonly digest?: Readonly<Record<string, string>>;
  readonly path?: string;
}

export interface RequestParameters {
  readonly frontend: string;
  readonly args?: Readonly<Record<string, string>>;
  readonly secrets?: readonly Lent[];
  readonly ssh?: readonly Lent[];
  readonly locals?: readonly { readonly name: string }[];
}

/** A name for one run of a build. */
export function newInvocationId(): string {
  return BigInt(`0x${randomBytes(16).toString('hex')}`)
    .toString(36)
    .padStart(25, '0');
}

/**
 * Says what a result was made of. Without the layers of an image it does not tell which step made which.
 * @param layers base first
 */
export function provenanceOf(
  facts: BuildFacts,
  { mode, builderId, reproducible }: Pick<ProvenanceOptions, 'mode' | 'builderId' | 'reproducible'>,
  layers: readonly Descriptor[] = [],
): Predicate {
  const dependencies = dependenciesOf(unmarshal(facts.definition).vertices.values(), facts.pins);
  const { materials, usesNetwork } = dependencies;
  const locals = [...dependencies.locals, ...(facts.hasLocalDockerfile ? ['dockerfile'] : [])].sort();
  const isMax = mode === 'max';
  const given = Object.entries(facts.args);
  const shown = isMax ? given : given.filter(([name]) => !/^(?:build-arg|label):/.test(name));
  const isWhole = locals.length === 0;
  const steps = isMax ? nameSteps(facts.definition) : undefined;
  const byStep = steps?.layersOf(layers) ?? {};
  return {
    buildDefinition: {
      buildType: 'https://github.com/moby/buildkit/blob/master/docs/attestations/slsa-definitions.md',
      externalParameters: {
        configSource: configSource(facts, materials),
        request: {
          frontend: 'dockerfile.v0',
          ...(shown.length > 0 && {
            args: Object.fromEntries(
              shown
                .map(([name, value]): [string, string] => [name, maskCredentials(value)])
                .sort(([a], [b]) => (a < b ? -1 : 1)),
            ),
          }),
          ...(isMax && dependencies.secrets.length > 0 && { secrets: dependencies.secrets }),
          ...(isMax && dependencies.ssh.length > 0 && { ssh: dependencies.ssh }),
          ...(locals.length > 0 && { locals: locals.map(name => ({ name })) }),
        },
      },
      internalParameters: {
        ...(steps && { buildConfig: steps.config }),
        builderPlatform: formatPlatform(normalizePlatform(hostPlatform())),
      },
      ...(materials.length > 0 && { resolvedDependencies: materials }),
    },
    runDetails: {
      builder: { id: builderId, version: { stagecraft: facts.version } },
      metadata: {
        invocationId: facts.invocationId,
        startedOn: facts.startedAt.toISOString(),
        finishedOn: new Date().toISOString(),
        buildkit_metadata: {
          ...(Object.keys(facts.vcs ?? {}).length > 0 && { vcs: facts.vcs! }),
          ...(steps?.source && { source: steps.source }),
          ...(Object.keys(byStep).length > 0 && { layers: byStep }),
        },
        ...(isWhole && !usesNetwork && { buildkit_hermetic: true }),
        buildkit_completeness: {
          request: shown.length === given.length,
          resolvedDependencies: isWhole,
        },
        ...(reproducible && { buildkit_reproducible: true }),
      },
    },
  };
}

function configSource(facts: BuildFacts, materials: readonly Material[]): ConfigSource {
  const path = { path: facts.dockerfile };
  if (facts.contextAddress === undefined) return path;
  const uri = maskCredentials(facts.contextAddress);
  const [plain] = uri.split('#', 1);
  // A directory in a repository is no part of what was fetched.
  const material =
    materials.find(each => each.uri === uri) ?? materials.find(each => each.uri.split('#', 1)[0] === plain);
  return { uri, ...(material?.digest && { digest: material.digest }), ...path };
}
