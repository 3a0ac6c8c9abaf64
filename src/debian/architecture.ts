import type { Platform } from '../image/types.ts';
import { StagecraftError } from '../util/errors.ts';

/** A Debian architecture: its name, the platform of its images, and which `/lib*` directories a merged /usr links. */
export interface Architecture {
  readonly name: string;
  readonly platform: Platform;
  /** Directories of the root that are links into `/usr`, as Debian's own images have them. */
  readonly merged: readonly string[];
}

const always = ['bin', 'sbin', 'lib'];

function architecture(
  name: string,
  platform: Omit<Platform, 'os'>,
  ...merged: string[]
): [string, Architecture] {
  return [name, { name, platform: { os: 'linux', ...platform }, merged: [...always, ...merged] }];
}

const known = new Map<string, Architecture>([
  architecture('amd64', { architecture: 'amd64' }, 'lib32', 'lib64', 'libx32'),
  architecture('arm64', { architecture: 'arm64', variant: 'v8' }),
  architecture('armhf', { architecture: 'arm', variant: 'v7' }),
  architecture('armel', { architecture: 'arm', variant: 'v5' }),
  architecture('i386', { architecture: '386' }, 'lib64', 'libx32'),
  architecture('ppc64el', { architecture: 'ppc64le' }, 'lib64'),
  architecture('riscv64', { architecture: 'riscv64' }),
  architecture('s390x', { architecture: 's390x' }, 'lib32'),
  architecture('mips64el', { architecture: 'mips64le' }, 'lib32', 'lib64', 'libo32'),
  architecture('loong64', { architecture: 'loong64' }, 'lib64'),
]);

const ofNode: Record<string, string> = {
  x64: 'amd64',
  arm64: 'arm64',
  arm: 'armhf',
  ia32: 'i386',
  ppc64: 'ppc64el',
  riscv64: 'riscv64',
  s390x: 's390x',
  loong64: 'loong64',
};

/** The Debian architecture of this machine. */
export function hostArchitecture(): string {
  return ofNode[process.arch] ?? process.arch;
}

/**
 * Takes Debian's name (`amd64`, `armhf`) or an image platform (`linux/arm/v7`, `arm64`).
 * @throws StagecraftError `usage` when Debian has no such architecture
 */
export function findArchitecture(name: string): Architecture {
  const exact = known.get(name);
  if (exact) return exact;
  const [arch, variant] = name.replace(/^linux\//, '').split('/');
  for (const candidate of known.values()) {
    const platform = candidate.platform;
    if (platform.architecture === arch && (variant === undefined || platform.variant === variant))
      return candidate;
  }
  throw new StagecraftError('usage', `The architecture ${name} is not one of Debian's.`, {
    hint: `Known are ${[...known.keys()].join(', ')}.`,
  });
}
