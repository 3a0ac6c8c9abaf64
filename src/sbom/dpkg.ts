import { looking } from '../files/read.ts';
import type { FileTree } from '../snapshot/types.ts';
import { type ByteString, bytesFromText } from '../util/bytes.ts';
import { readCopyright } from './copyright.ts';
import { originOf, purlOf } from './purl.ts';
import { dpkgDirectory, dpkgRecords, type PackageRecord } from './records.ts';
import type { Distribution, Found } from './types.ts';

/** Packages that dpkg has installed. */
export function findDpkg(tree: FileTree, distribution: Distribution | undefined): Found[] {
  return dpkgRecords(tree).flatMap(record => toPackage(tree, record, distribution));
}

function toPackage(
  tree: FileTree,
  { field, place }: PackageRecord,
  distribution: Distribution | undefined,
): Found[] {
  const [name, version] = [field('package'), field('version')];
  if (!name || !version) return [];
  const arch = field('architecture') ?? '';
  const [, sourceName = name, sourceVersion = version] =
    /^(\S+)(?:\s+\((.+)\))?$/.exec(field('source') ?? '') ?? [];
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
    .map(file => bytesFromText(`${dpkgDirectory}/info/${file}`))
    .find(path => looking(() => tree.lstat(path)) !== undefined);
}
