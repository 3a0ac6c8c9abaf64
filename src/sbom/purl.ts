import { PackageURL } from 'packageurl-js';
import type { Distribution, PackageType } from './types.ts';

/**
 * The package URL of a package, in its canonical form; nothing for names that no such package can have.
 * @param qualifiers those that are empty are left out
 */
export function purlOf(
  type: PackageType | 'oci' | 'docker',
  { namespace, name, version }: { namespace?: string | undefined; name: string; version?: string },
  qualifiers: Readonly<Record<string, string | undefined>> = {},
): string | undefined {
  const given = Object.entries(qualifiers).filter((entry): entry is [string, string] => !!entry[1]);
  const known = given.length > 0 ? Object.fromEntries(given) : undefined;
  try {
    return new PackageURL(
      type,
      namespace || undefined,
      name,
      version || undefined,
      known,
      undefined,
    ).toString();
  } catch {
    return undefined;
  }
}

/** What follows the name of a distribution's package: which distribution and what it was built from. */
export function originOf(
  name: string,
  version: string,
  source: { name: string; version: string } | undefined,
  distribution: Distribution | undefined,
): { distro?: string; upstream?: string } {
  const upstream =
    source === undefined || (source.name === name && source.version === version)
      ? undefined
      : source.version === version || source.version === ''
        ? source.name
        : `${source.name}@${source.version}`;
  return {
    ...(distribution && { distro: [distribution.id, distribution.version].filter(Boolean).join('-') }),
    ...(upstream && { upstream }),
  };
}
