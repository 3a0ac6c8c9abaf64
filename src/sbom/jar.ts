import { closeSync, fstatSync } from 'node:fs';
import { posix } from 'node:path';
import { looking, readAt } from '../files/read.ts';
import type { FileTree } from '../snapshot/types.ts';
import type { ByteString } from '../util/bytes.ts';
import { purlOf } from './purl.ts';
import type { Found } from './types.ts';
import { type Bytes, readZip, type ZipEntry } from './zip.ts';

/** True for archives of Java classes, and those that hold others. */
export function isJar(name: string): boolean {
  return /\.(?:jar|war|ear|hpi|jpi)$/i.test(name);
}

/** How deep archives lie in each other, and how much of one is held in memory at most. */
const most = { depth: 3, archive: 128 << 20, text: 1 << 20 };

/** The Maven artifacts in a Java archive: its own, those that were merged into it, and those in archives within. */
export function readJar(tree: FileTree, place: ByteString): Found[] {
  const found = looking(() => {
    const fd = tree.open(place);
    try {
      const bytes = {
        size: fstatSync(fd).size,
        read: (at: number, length: number) => readAt(fd, at, length),
      };
      return readArchive(bytes, place, '', posix.basename(place), 0);
    } finally {
      closeSync(fd);
    }
  });
  return found ?? [];
}

function readArchive(
  bytes: Bytes,
  place: ByteString,
  within: string,
  fileName: string,
  depth: number,
): Found[] {
  const entries = readZip(bytes);
  const names = new Map(entries.map(entry => [entry.name, entry]));
  const manifest = readManifest(textOf(names.get('META-INF/MANIFEST.MF')));
  const artifacts = entries.flatMap(entry => readProperties(entry));
  const own = ownArtifact(fileName, manifest);
  // Its own is among those that Maven noted, unless it was not made by Maven.
  const all = artifacts.length > 0 || own === undefined ? artifacts : [own];
  const found = all.map((artifact): Found => {
    const pom = names.get(`META-INF/maven/${artifact.group}/${artifact.name}/pom.xml`);
    return {
      type: 'maven',
      name: artifact.group ? `${artifact.group}:${artifact.name}` : artifact.name,
      version: artifact.version,
      // Package URLs need a group; an archive without one is taken to be its own.
      purl: purlOf('maven', { ...artifact, namespace: artifact.group || artifact.name }),
      licenses: licensesOf(textOf(pom), all.length === 1 ? manifest.get('bundle-license') : undefined),
      place,
      ...(within && { within }),
    };
  });
  if (depth >= most.depth) return found;
  const nested = entries
    .filter(entry => isJar(entry.name))
    .flatMap(entry => {
      const content = entry.content(most.archive);
      if (content === undefined) return [];
      const inner = {
        size: content.length,
        read: (at: number, length: number) => content.subarray(at, at + length),
      };
      return readArchive(inner, place, `${within}!${entry.name}`, posix.basename(entry.name), depth + 1);
    });
  return [...found, ...nested];
}

interface Artifact {
  readonly group: string;
  readonly name: string;
  readonly version: string;
}

/** `META-INF/maven/GROUP/ARTIFACT/pom.properties`, which Maven writes. */
function readProperties(entry: ZipEntry): Artifact[] {
  if (!/^META-INF\/maven\/[^/]+\/[^/]+\/pom\.properties$/.test(entry.name)) return [];
  const text = textOf(entry) ?? '';
  const value = (key: string) => new RegExp(`^${key}\\s*[=:]\\s*(.*?)\\s*$`, 'm').exec(text)?.[1] ?? '';
  const artifact = { group: value('groupId'), name: value('artifactId'), version: value('version') };
  return artifact.name === '' || artifact.version === '' ? [] : [artifact];
}

/** The main section of a manifest by names in lower case: JAR file specification. */
function readManifest(text: string | undefined): ReadonlyMap<string, string> {
  const fields = new Map<string, string>();
  const main = (text ?? '').replaceAll(/\r\n?/g, '\n').replaceAll('\n ', '').split('\n\n', 1)[0]!;
  for (const line of main.split('\n')) {
    const colon = line.indexOf(':');
    if (colon > 0) fields.set(line.slice(0, colon).trim().toLowerCase(), line.slice(colon + 1).trim());
  }
  return fields;
}

/** An archive that Maven did not make, by the name of its file and its manifest; nothing if these say no version. */
function ownArtifact(fileName: string, manifest: ReadonlyMap<string, string>): Artifact | undefined {
  const [, stem = '', inName = ''] =
    /^(.+?)(?:[-_](\d[\w.+-]*))?\.\w+$/.exec(fileName) ?? ([] as unknown as string[]);
  // Maven's names end in the version; a manifest may have that of a specification, or of a bundle.
  const version =
    (/^\d+(?:\.\d+)+/.test(inName) && inName) ||
    manifest.get('implementation-version') ||
    manifest.get('bundle-version') ||
    manifest.get('specification-version') ||
    inName;
  // A bundle may have directives behind its name.
  const symbolic = manifest.get('bundle-symbolicname')?.split(';', 1)[0]?.trim() ?? '';
  const title = manifest.get('implementation-title') ?? '';
  const name = stem || (/^[\w.-]+$/.test(title) ? title : symbolic);
  if (!version || !name || /[\s$]/.test(version)) return undefined;
  const vendor = manifest.get('implementation-vendor-id') ?? '';
  const group = /^[\w-]+(?:\.[\w-]+)+$/.test(vendor) ? vendor : groupOf(symbolic, name);
  return { group, name, version };
}

/** `org.example` of the bundle `org.example.name`. */
function groupOf(symbolic: string, name: string): string {
  if (!symbolic.includes('.') || !/^[\w.-]+$/.test(symbolic)) return '';
  return symbolic.endsWith(`.${name}`) ? symbolic.slice(0, -name.length - 1) : symbolic;
}

function licensesOf(pom: string | undefined, bundle: string | undefined): string[] {
  const list = /<licenses>([\s\S]*?)<\/licenses>/.exec(pom ?? '')?.[1] ?? '';
  const names = [...list.matchAll(/<name>\s*([^<]{1,200}?)\s*<\/name>/g)].map(([, name]) => name!);
  if (names.length > 0 || !bundle) return names;
  return [bundle.split(';', 1)[0]!.replaceAll('"', '').trim()].filter(Boolean);
}

function textOf(entry: ZipEntry | undefined): string | undefined {
  return entry?.content(most.text)?.toString();
}
