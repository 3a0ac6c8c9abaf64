import type { Capability } from './capabilities.ts';
import { filterAnnotation } from './filter-annotation.ts';
import type { RuntimeConfig } from './oci.ts';
import { compileFilter } from './seccomp/bpf.ts';
import { seccompConfig } from './seccomp/oci.ts';
import { defaultProfile, pretendedOwners, withRules } from './seccomp/profile.ts';
import { surroundings } from './surroundings.ts';
import type { SandboxSpec } from './types.ts';

const programs = new Map<string, string | undefined>();

/** Adds Docker's seccomp profile: as a program for the kernel where asked for and known, and as rules. */
export function withSeccomp(
  config: RuntimeConfig,
  { security }: SandboxSpec,
  form: { program: boolean; rules: boolean },
): RuntimeConfig {
  if (security === 'insecure') return config;
  const { bounding } = config.process.capabilities;
  const docker = defaultProfile(new Set(bounding as Capability[]));
  const profile = surroundings().singleId ? withRules(docker, pretendedOwners) : docker;
  const key = bounding.join();
  if (form.program && !programs.has(key)) programs.set(key, compileFilter(profile)?.toString('base64'));
  const program = form.program ? programs.get(key) : undefined;
  return {
    ...config,
    ...(program !== undefined && { annotations: { ...config.annotations, [filterAnnotation]: program } }),
    ...(form.rules && { linux: { ...config.linux, seccomp: seccompConfig(profile) } }),
  };
}

/** A configuration as JSON text. */
export function configText(config: RuntimeConfig): string {
  return JSON.stringify(config);
}
