import type { Predicate } from './provenance.ts';

/** The same in the form of SLSA provenance v0.2, as BuildKit converts it. */
export function toV02({ buildDefinition, runDetails }: Predicate): object {
  const { configSource, request } = buildDefinition.externalParameters;
  const { buildConfig, ...environment } = buildDefinition.internalParameters;
  const { metadata } = runDetails;
  return {
    builder: { id: runDetails.builder.id },
    buildType: 'https://mobyproject.org/buildkit@v1',
    ...(buildDefinition.resolvedDependencies && { materials: buildDefinition.resolvedDependencies }),
    invocation: {
      configSource: {
        ...(configSource.uri && { uri: configSource.uri }),
        ...(configSource.digest && { digest: configSource.digest }),
        ...(configSource.path && { entryPoint: configSource.path }),
      },
      parameters: request,
      environment: { platform: environment.builderPlatform },
    },
    ...(buildConfig && { buildConfig }),
    metadata: {
      buildInvocationID: metadata.invocationId,
      buildStartedOn: metadata.startedOn,
      buildFinishedOn: metadata.finishedOn,
      completeness: {
        parameters: metadata.buildkit_completeness.request,
        environment: true,
        materials: metadata.buildkit_completeness.resolvedDependencies,
      },
      reproducible: metadata.buildkit_reproducible ?? false,
      'https://mobyproject.org/buildkit@v1#metadata': metadata.buildkit_metadata,
      ...(metadata.buildkit_hermetic && { 'https://mobyproject.org/buildkit@v1#hermetic': true }),
    },
  };
}

/** What `docker buildx` puts into its metadata file: without graph and times unless all is asked for. */
export function forMetadata(predicate: Predicate, mode: 'min' | 'max'): object {
  const { buildConfig, metadata, ...rest } = toV02(predicate) as Record<string, unknown>;
  return mode === 'max' ? { ...rest, ...(buildConfig ? { buildConfig } : {}), metadata } : rest;
}
