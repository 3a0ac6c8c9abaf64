import { arch as nodeArch } from 'node:os';
import { StagecraftError } from '../util/errors.ts';
import type { Platform } from './types.ts';

/*
 * Platforms by containerd's rules, so that names, matches and defaults are those of `docker build --platform`.
 */

const knownSystems = new Set(
  'aix android darwin dragonfly freebsd hurd illumos ios js linux nacl netbsd openbsd plan9 solaris windows zos'.split(
    ' ',
  ),
);
const knownArchitectures = new Set(
  (
    '386 amd64 amd64p32 arm armbe arm64 arm64be ppc64 ppc64le loong64 mips mipsle mips64 mips64le mips64p32 ' +
    'mips64p32le ppc riscv riscv64 s390 s390x sparc sparc64 wasm'
  ).split(' '),
);
const part = /^[A-Za-z0-9_.-]+$/;
const systemPart = /^([A-Za-z0-9_-]+)(?:\(([A-Za-z0-9_.%-]*)((?:\+[A-Za-z0-9_.%-]+)*)\))?$/;

/** Go's names of architectures for those of Node.js, where they differ. */
const goArchitectures: Record<string, string> = { x64: 'amd64', ia32: '386' };

/** The platform of this machine: what is built for unless `--platform` says another. */
export function hostPlatform(): Platform {
  const arch = nodeArch();
  return normalizePlatform({ os: 'linux', architecture: goArchitectures[arch] ?? arch });
}

/**
 * Reads `linux/arm64`, `linux/arm/v7`, `arm64`, `linux`, `windows(10.0.17763+feature)/amd64`.
 * @throws StagecraftError `usage`
 */
export function parsePlatform(text: string): Platform {
  const parts = text.split('/');
  const system = systemPart.exec(parts[0] ?? '');
  if (parts.length > 3 || system === null || parts.slice(1).some(each => !part.test(each)))
    throw invalid(text);
  const os = normalizeSystem(system[1]!);
  const osVersion = decode(system[2] ?? '', text);
  const osFeatures = (system[3] ?? '')
    .split('+')
    .slice(1)
    .map(feature => decode(feature, text));
  const extras = {
    ...(osVersion === '' ? {} : { 'os.version': osVersion }),
    ...(osFeatures.length === 0 ? {} : { 'os.features': osFeatures }),
  };
  if (parts.length === 1) {
    if (knownSystems.has(os)) return { ...hostPlatform(), os, ...extras };
    const named = withoutDefaultVariant(normalizeArchitecture(parts[0]!, ''));
    if (knownArchitectures.has(named.architecture)) return { os: 'linux', ...named };
    throw invalid(text);
  }
  const named = normalizeArchitecture(parts[1]!, parts[2] ?? '');
  if (parts.length === 2) return { os, ...withoutDefaultVariant(named), ...extras };
  // Somebody who wrote a variant gets it back, also where it is the default one.
  return { os, ...(named.architecture === 'arm64' ? { variant: 'v8' } : {}), ...named, ...extras };
}

/** `linux/arm64/v8`: the short form, without version and features of the system. */
export function formatPlatform(platform: Platform): string {
  if (platform.os === '') return 'unknown';
  return [platform.os, platform.architecture, platform.variant].filter(Boolean).join('/');
}

/** Names in lower case and by one spelling (`x86_64` is `amd64`), default variants left out or, for `arm`, put in. */
export function normalizePlatform(platform: Platform): Platform {
  const { architecture, variant, ...rest } = platform;
  const features = platform['os.features'];
  return {
    ...rest,
    os: normalizeSystem(platform.os),
    ...normalizeArchitecture(architecture, variant ?? ''),
    ...(features && features.length > 0 ? { 'os.features': [...new Set(features)].sort() } : {}),
  };
}

/** True where both are the same platform, spelled in whatever way. */
export function equalPlatforms(one: Platform, other: Platform): boolean {
  return formatPlatform(normalizePlatform(one)) === formatPlatform(normalizePlatform(other));
}

/**
 * How well an image made for `candidate` serves who wants `wanted`: 0 is the very platform, larger numbers are older
 * variants that the same machine runs (`arm64` runs `arm/v7`, `amd64` runs `386`), and nothing means that it does not.
 */
export function rankPlatform(wanted: Platform, candidate: Platform): number | undefined {
  const target = normalizePlatform(wanted);
  const offer = normalizePlatform(candidate);
  if (target.os !== offer.os) return undefined;
  const offered = offer['os.features'] ?? [];
  if (offered.some(feature => !(target['os.features'] ?? []).includes(feature))) return undefined;
  const name = `${offer.architecture}/${offer.variant ?? ''}`;
  const rank = runnable(target.architecture, target.variant ?? '').indexOf(name);
  return rank < 0 ? undefined : rank;
}

/** The best of the candidates for the wanted platform, the first of equals; nothing where none serves. */
export function selectPlatform<T>(
  wanted: Platform,
  candidates: readonly T[],
  platformOf: (candidate: T) => Platform,
): T | undefined {
  let best: T | undefined;
  let bestRank = Number.POSITIVE_INFINITY;
  for (const candidate of candidates) {
    const rank = rankPlatform(wanted, platformOf(candidate));
    if (rank === undefined || rank >= bestRank) continue;
    best = candidate;
    bestRank = rank;
  }
  return best;
}

/** `architecture/variant` in normal form of all that a machine runs, best first. */
function runnable(architecture: string, variant: string): string[] {
  const number = Number(/^v([0-9]+)$/.exec(variant)?.[1] ?? Number.NaN);
  switch (architecture) {
    case 'amd64': {
      const levels = [`amd64/${variant}`];
      for (let level = number - 1; level >= 2; level -= 1) levels.push(`amd64/v${level}`);
      return number > 1 ? [...levels, 'amd64/', '386/'] : [...levels, '386/'];
    }
    case 'arm':
      return olderArm(variant, number);
    case 'arm64':
      return runnableArm64(variant);
    default:
      return [`${architecture}/${variant}`];
  }
}

function olderArm(variant: string, number: number): string[] {
  const variants = [`arm/${variant}`];
  for (let version = number - 1; version >= 5; version -= 1) variants.push(`arm/v${version}`);
  return variants;
}

/** Version 9.n of the architecture contains 8.(n+5), and each version contains those before it. */
function runnableArm64(variant: string): string[] {
  const version = /^v([89])(?:\.([0-9]))?$/.exec(variant === '' ? 'v8' : variant);
  if (version === null) return [];
  const minor = Number(version[2] ?? 0);
  const list: string[] = [];
  if (version[1] === '9')
    for (let each = minor; each >= 0; each -= 1) list.push(each === 0 ? 'v9' : `v9.${each}`);
  const newest8 = version[1] === '9' ? minor + 5 : minor;
  for (let each = newest8; each >= 0; each -= 1) list.push(each === 0 ? '' : `v8.${each}`);
  return [...list.map(each => `arm64/${each}`), ...olderArm('v8', 8)];
}

function normalizeSystem(os: string): string {
  const lower = os.toLowerCase();
  if (lower === '') return 'linux';
  return lower === 'macos' ? 'darwin' : lower;
}

function normalizeArchitecture(
  name: string,
  variantName: string,
): { architecture: string; variant?: string } {
  const variant = variantName.toLowerCase();
  const architecture = name.toLowerCase();
  const of = (arch: string, value: string) => ({
    architecture: arch,
    ...(value === '' ? {} : { variant: value }),
  });
  switch (architecture) {
    case 'i386':
      return of('386', '');
    case 'x86_64':
    case 'x86-64':
    case 'amd64':
      return of('amd64', variant === 'v1' ? '' : variant);
    case 'aarch64':
    case 'arm64':
      if (['8', 'v8', 'v8.0'].includes(variant)) return of('arm64', '');
      return of('arm64', ['9', '9.0', 'v9.0'].includes(variant) ? 'v9' : variant);
    case 'armhf':
      return of('arm', 'v7');
    case 'armel':
      return of('arm', 'v6');
    case 'arm':
      if (variant === '' || variant === '7') return of('arm', 'v7');
      return of('arm', ['5', '6', '8'].includes(variant) ? `v${variant}` : variant);
    default:
      return of(architecture, variant);
  }
}

function withoutDefaultVariant(named: { architecture: string; variant?: string }): {
  architecture: string;
  variant?: string;
} {
  return named.architecture === 'arm' && named.variant === 'v7' ? { architecture: 'arm' } : named;
}

function decode(text: string, platform: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw invalid(platform);
  }
}

function invalid(text: string): StagecraftError {
  return new StagecraftError('usage', `Invalid platform ${JSON.stringify(text)}.`, {
    hint: 'Write it as OS/ARCHITECTURE[/VARIANT], such as linux/amd64 or linux/arm/v7.',
  });
}
