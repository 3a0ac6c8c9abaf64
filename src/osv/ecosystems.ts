import { compareVersions as compareDebian } from '../debian/version.ts';
import type { Distribution, Package } from '../sbom/types.ts';
import { compareApk } from './apk.ts';
import { nameOf } from './keys.ts';
import { compareMaven } from './maven.ts';
import { comparePep440 } from './pep440.ts';
import { compareRpm } from './rpm.ts';
import { compareSemver } from './semver.ts';

/** A package as records of one ecosystem speak of it. */
export interface Subject {
  /** Names that records may have for it. */
  readonly names: readonly string[];
  readonly version: string;
  /** Negative when the first version is older, 0 when they are the same, positive when it is newer. */
  readonly compare: (a: string, b: string) => number;
  /** Whether an ecosystem of a record, such as `Debian:12`, is that of the package. */
  readonly isIn: (ecosystem: string) => boolean;
}

/** Nothing for a package of a distribution that is not known, or without a version. */
export function subjectOf(entry: Package, distribution: Distribution | undefined): Subject | undefined {
  const { type, name } = entry;
  if (entry.version === '') return undefined;
  const version = entry.version;
  const language = (ecosystem: string, names: string[], compare: Subject['compare']): Subject => ({
    names,
    version,
    compare,
    isIn: text => text === ecosystem,
  });
  switch (type) {
    case 'npm':
      return language('npm', [name], compareSemver);
    case 'cargo':
      return language('crates.io', [name], compareSemver);
    case 'golang':
      return { ...language('Go', [name], compareSemver), version: version.replace(/^v/, '') };
    case 'pypi':
      return language('PyPI', [nameOf('PyPI', name)], comparePep440);
    case 'maven':
      return language('Maven', [name], compareMaven);
    default:
      return systemPackage(entry, distribution);
  }
}

/** Records of Debian, Ubuntu and Alpine name what packages were built from; those of others the packages. */
function systemPackage(
  { type, name, version, source }: Package,
  distribution: Distribution | undefined,
): Subject | undefined {
  const isIn = distribution && releaseOf(distribution);
  if (isIn === undefined) return undefined;
  if (type === 'rpm')
    return { names: [...new Set([name, source?.name ?? name])], version, compare: compareRpm, isIn };
  return {
    names: [source?.name ?? name],
    version: source?.version || version,
    compare: type === 'apk' ? compareApk : compareDebian,
    isIn,
  };
}

/** Which ecosystems are of a release: OSV schema, "Defined ecosystems". One without a release is of all. */
function releaseOf({ id, version }: Distribution): Subject['isIn'] | undefined {
  const [major = '', minor = ''] = version.split('.');
  const among =
    (...ecosystems: string[]) =>
    (text: string): boolean =>
      ecosystems.includes(text);
  switch (id) {
    case 'debian':
      return among('Debian', `Debian:${major}`);
    case 'ubuntu':
      return among('Ubuntu', `Ubuntu:${version}`, `Ubuntu:${version}:LTS`);
    case 'alpine':
      return among('Alpine', `Alpine:v${major}.${minor}`);
    case 'wolfi':
      return among('Wolfi');
    case 'chainguard':
      return among('Chainguard', 'Wolfi');
    case 'rocky':
      return among('Rocky Linux', `Rocky Linux:${major}`);
    case 'almalinux':
      return among('AlmaLinux', `AlmaLinux:${major}`);
    case 'rhel':
      return text => /^Red Hat:/.test(text) && text.split(':')[2]?.split('.')[0] === major;
    case 'opensuse-leap':
      return among(`openSUSE:Leap ${version}`);
    case 'opensuse-tumbleweed':
      return among('openSUSE:Tumbleweed');
    case 'sles':
      return text => text.startsWith('SUSE:') && text.endsWith(` ${version.replace('.', ' SP')}`);
    case 'mageia':
      return among(`Mageia:${major}`);
    default:
      return undefined;
  }
}
