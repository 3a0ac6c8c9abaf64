import type { BinaryPackage, PackageIndex } from './packages.ts';

/**
 * `full` is a Debian that works: shell, apt, everything configured. `minimal` is in the manner of distroless: the named
 * packages and what their programs need to run.
 */
export type Flavour = 'full' | 'minimal';

/** What every minimal image has: the skeleton of directories, names of ports, time zones, certificates. */
const minimalBase = ['base-files', 'netbase', 'tzdata', 'ca-certificates'];

/** The names to resolve for a flavour. */
export function rootsOf(
  flavour: Flavour,
  include: readonly string[],
  index: PackageIndex,
  usesHttps: boolean,
): string[] {
  if (flavour === 'minimal') return [...new Set([...minimalBase, ...include])];
  const required = index.required().map(entry => entry.name);
  const roots = new Set([...required, 'apt', ...include]);
  // The image has a merged /usr from the start, so the program that would convert it has no use.
  if (index.versions('usr-is-merged').length > 0 && !include.includes('usrmerge')) roots.add('usr-is-merged');
  if (usesHttps) roots.add('ca-certificates');
  return [...roots];
}

/** What packages name as dependencies for their maintainer scripts, which a minimal image never runs. */
const scriptTools = new Set([
  'adduser',
  'apt',
  'cdebconf',
  'debconf',
  'dbus-user-session',
  'dpkg',
  'gawk',
  'init-system-helpers',
  'install-info',
  'libpam-runtime',
  'login',
  'lsb-base',
  'mawk',
  'openssl',
  'original-awk',
  'passwd',
  'sensible-utils',
  'ucf',
  'update-inetd',
]);

/** Whose programs do use them. */
const realUsers: Record<string, (dependent: string) => boolean> = {
  openssl: dependent => dependent !== 'ca-certificates',
  mawk: dependent => dependent !== 'base-files',
  gawk: dependent => dependent !== 'base-files',
  'original-awk': dependent => dependent !== 'base-files',
  'perl-base': dependent => /^(lib)?perl/.test(dependent),
};

/**
 * Whether a minimal image does without a dependency: one of a package's scripts rather than its programs. Essential
 * packages are among them: programs do not name them, and what a shell script would need of them is the shell.
 */
export function isLeftOut(candidate: BinaryPackage, dependent: BinaryPackage): boolean {
  const real = realUsers[candidate.name];
  if (real) return !real(dependent.name);
  return candidate.essential || scriptTools.has(candidate.name);
}
