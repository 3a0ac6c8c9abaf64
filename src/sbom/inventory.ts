import { closeSync } from 'node:fs';
import { readSections } from '../files/elf.ts';
import { looking } from '../files/read.ts';
import { walk } from '../files/walk.ts';
import type { FileTree } from '../snapshot/types.ts';
import { type ByteString, textFromBytes } from '../util/bytes.ts';
import { findApk } from './apk.ts';
import { readCargo } from './cargo.ts';
import { readDistribution } from './distribution.ts';
import { findDpkg } from './dpkg.ts';
import { readGo } from './go.ts';
import { isJar, readJar } from './jar.ts';
import { isNpmManifest, readNpm } from './npm.ts';
import { isPythonRecord, readPython } from './python.ts';
import { findRpm } from './rpm.ts';
import type { Found, Inventory, Location, Package, Subject } from './types.ts';

/**
 * Lists the packages of an image: what its package managers have recorded, and what programs and archives say of
 * themselves. Nothing is run; what is damaged is passed over, as is what an image hides.
 * @throws an error with the code EACCES or EPERM where this user may not read the layers
 */
export async function takeInventory({ tree, layerOf }: Subject): Promise<Inventory> {
  const distribution = readDistribution(tree);
  const rpm = await findRpm(tree, distribution);
  const found = [...findDpkg(tree, distribution), ...findApk(tree, distribution), ...rpm.found];
  const gaps = [...rpm.gaps];
  const isWhole = walk(tree, '/', (path, name, type) => {
    if (type === 'directory') return !kernelDirectories.has(path);
    if (type === 'file') found.push(...readFile(tree, path, name));
    return false;
  });
  if (!isWhole) gaps.push('The image has too many files: some were not looked at.');
  return { ...(distribution && { distribution }), packages: merge(found, layerOf), gaps };
}

/** What the kernel shows there is nothing of the image's. */
const kernelDirectories = new Set(['/proc', '/sys', '/dev']);

function readFile(tree: FileTree, path: ByteString, name: ByteString): Found[] {
  if (name === 'package.json') return isNpmManifest(path) ? readNpm(tree, path) : [];
  if (isPythonRecord(path)) return readPython(tree, path);
  if (isJar(name)) return readJar(tree, path);
  return readProgram(tree, path);
}

/** What a program was built of. Only files that may be executed are opened. */
function readProgram(tree: FileTree, path: ByteString): Found[] {
  const found = looking(() => {
    const entry = tree.lstat(path);
    if (entry === undefined || (entry.mode & 0o111) === 0 || entry.size < 64) return [];
    const fd = tree.open(path);
    try {
      const sections = readSections(fd);
      const [go, cargo] = [sections.get('.go.buildinfo'), sections.get('.dep-v0')];
      return [...(go ? readGo(fd, go, path) : []), ...(cargo ? readCargo(fd, cargo, path) : [])];
    } finally {
      closeSync(fd);
    }
  });
  return found ?? [];
}

/** One package for each package URL, with all its places. */
function merge(found: readonly Found[], layerOf: Subject['layerOf']): Package[] {
  const packages = new Map<string, Found & { purl: string; locations: Location[] }>();
  for (const each of found) {
    const { purl } = each;
    if (purl === undefined) continue;
    const layer = (each.came === undefined ? undefined : layerOf?.(each.came)) ?? layerOf?.(each.place);
    const path = textFromBytes(each.place) + (each.within ?? '');
    const location = layer === undefined ? { path } : { path, layer };
    const known = packages.get(purl);
    if (known === undefined) packages.set(purl, { ...each, purl, locations: [location] });
    else if (!known.locations.some(other => other.path === path)) known.locations.push(location);
  }
  return [...packages.values()]
    .sort((a, b) => (a.purl < b.purl ? -1 : 1))
    .map(({ type, name, version, purl, source, licenses, locations }) => ({
      type,
      name,
      version,
      purl,
      ...(source && { source }),
      licenses,
      locations: locations.sort((a, b) => (a.path < b.path ? -1 : 1)),
    }));
}
