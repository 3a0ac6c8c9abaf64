import { readJson } from '../files/read.ts';
import type { FileTree } from '../snapshot/types.ts';
import type { ByteString } from '../util/bytes.ts';
import { purlOf } from './purl.ts';
import type { Found } from './types.ts';

/** True for the manifest of a package that npm or another installer of its kind put there. */
export function isNpmManifest(path: ByteString): boolean {
  return /\/node_modules\/(?:@[^/]+\/)?[^/@.][^/]*\/package\.json$/.test(path);
}

/** The package of a `package.json`; nothing for those that only direct the loader, without a name or version. */
export function readNpm(tree: FileTree, place: ByteString): Found[] {
  const manifest = readJson(tree, place, 1 << 20);
  if (typeof manifest !== 'object' || manifest === null) return [];
  const { name, version, license, licenses } = manifest as Record<string, unknown>;
  if (typeof name !== 'string' || typeof version !== 'string' || name === '' || version === '') return [];
  const slash = name.startsWith('@') ? name.indexOf('/') : -1;
  const named = {
    namespace: slash < 0 ? undefined : name.slice(0, slash),
    name: name.slice(slash + 1),
    version,
  };
  // Names that npm refuses make no package URL.
  if (named.name === '') return [];
  const given = Array.isArray(licenses) ? licenses.map(licenseName).filter(Boolean).join(' OR ') : '';
  const said = licenseName(license) || given;
  return [
    {
      type: 'npm',
      name,
      version,
      purl: purlOf('npm', named),
      licenses: said ? [said] : [],
      place,
    },
  ];
}

/** `license` is a text; in old packages an object with a `type`. */
function licenseName(license: unknown): string {
  if (typeof license === 'string') return license.trim();
  const type = (license as { type?: unknown } | null | undefined)?.type;
  return typeof type === 'string' ? type.trim() : '';
}
