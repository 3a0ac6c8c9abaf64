import { posix } from 'node:path';
import { parseStanzas, type Stanza } from '../debian/stanza.ts';
import { looking, readText } from '../files/read.ts';
import type { FileTree } from '../snapshot/types.ts';
import { type ByteString, bytesFromText } from '../util/bytes.ts';
import { readCopyright } from './copyright.ts';
import { originOf, purlOf } from './purl.ts';
import type { Distribution, Found } from './types.ts';

const database = '/var/lib/dpkg';
/** Bytes of a database that are read at most. */
const most = 64 << 20;

/** Packages that dpkg has installed; those of images without dpkg, whose records are files of `status.d`. */
export function findDpkg(tree: FileTree, distribution: Distribution | undefined): Found[] {
  const status = `${database}/status`;
  const together = parseStanzas(readText(tree, status, most) ?? '').flatMap(stanza =>
    toPackage(tree, stanza, status, distribution),
  );
  const records = (looking(() => tree.list(`${database}/status.d`)) ?? [])
    .filter(name => !name.endsWith('.md5sums'))
    .map(name => posix.join(database, 'status.d', name));
  const apart = records.flatMap(place =>
    parseStanzas(readText(tree, place) ?? '').flatMap(stanza => toPackage(tree, stanza, place, distribution)),
  );
  return [...together, ...apart];
}

function toPackage(
  tree: FileTree,
  stanza: Stanza,
  place: ByteString,
  distribution: Distribution | undefined,
): Found[] {
  const [name, version] = [stanza.get('package'), stanza.get('version')];
  const status = stanza.get('status');
  if (!name || !version || (status !== undefined && !status.endsWith(' installed'))) return [];
  const arch = stanza.get('architecture') ?? '';
  const [, sourceName = name, sourceVersion = version] =
    /^(\S+)(?:\s+\((.+)\))?$/.exec(stanza.get('source') ?? '') ?? [];
  const source = { name: sourceName, version: sourceVersion };
  const namespace = distribution?.id ?? 'debian';
  return [
    {
      type: 'deb',
      name,
      version,
      purl: purlOf(
        'deb',
        { namespace, name, version },
        { arch, ...originOf(name, version, source, distribution) },
      ),
      source,
      licenses: readCopyright(tree, name),
      place,
      came: fileList(tree, name, arch),
    },
  ];
}

/** dpkg's list of the files of a package: it comes and goes with it. */
function fileList(tree: FileTree, name: string, arch: string): ByteString | undefined {
  return [`${name}.list`, `${name}:${arch}.list`]
    .map(file => bytesFromText(`${database}/info/${file}`))
    .find(path => looking(() => tree.lstat(path)) !== undefined);
}
