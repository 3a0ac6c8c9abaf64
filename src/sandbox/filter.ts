import type { Capability } from './capabilities.ts';
import { filterAnnotation } from './filter-annotation.ts';
import type { RuntimeConfig, RuntimeSeccomp } from './oci.ts';
import { compileFilter } from './seccomp/bpf.ts';
import { seccompConfig } from './seccomp/oci.ts';
import { defaultProfile, pretendedOwners, type Rule, withRules } from './seccomp/profile.ts';
import { surroundings } from './surroundings.ts';
import type { SandboxSpec } from './types.ts';

/** Docker's seccomp profile for certain capabilities, in the forms that rungs take. */
class Filter {
  readonly #profile: readonly Rule[];
  #rules: RuntimeSeccomp | undefined;
  #program: { readonly text: string | undefined } | undefined;

  constructor(capabilities: readonly string[]) {
    const docker = defaultProfile(new Set(capabilities as Capability[]));
    this.#profile = surroundings().singleId ? withRules(docker, pretendedOwners) : docker;
  }

  get rules(): RuntimeSeccomp {
    this.#rules ??= seccompConfig(this.#profile);
    return this.#rules;
  }

  /** For the kernel, in base64; nothing where this machine's numbers of system calls are not known. */
  get program(): string | undefined {
    this.#program ??= { text: compileFilter(this.#profile)?.toString('base64') };
    return this.#program.text;
  }
}

/** By the capabilities: steps differ little in them, and making a filter takes as long as the rest of a configuration. */
const filters = new Map<string, Filter>();

/** Adds Docker's seccomp profile: as a program for the kernel where asked for and known, and as rules. */
export function withSeccomp(
  config: RuntimeConfig,
  { security }: SandboxSpec,
  form: { program: boolean; rules: boolean },
): RuntimeConfig {
  if (security === 'insecure') return config;
  const { bounding } = config.process.capabilities;
  const key = bounding.join();
  const filter = filters.get(key) ?? new Filter(bounding);
  filters.set(key, filter);
  const program = form.program ? filter.program : undefined;
  return {
    ...config,
    ...(program !== undefined && { annotations: { ...config.annotations, [filterAnnotation]: program } }),
    ...(form.rules && { linux: { ...config.linux, seccomp: filter.rules } }),
  };
}

/** A configuration as JSON text. */
export function configText(config: RuntimeConfig): string {
  return JSON.stringify(config);
}
