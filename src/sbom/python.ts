import { readHead } from '../files/read.ts';
import type { FileTree } from '../snapshot/types.ts';
import type { ByteString } from '../util/bytes.ts';
import { purlOf } from './purl.ts';
import type { Found } from './types.ts';

/** True for the record of an installed distribution: the core metadata of a wheel or of an egg. */
export function isPythonRecord(path: ByteString): boolean {
  return /\.dist-info\/METADATA$|\.egg-info\/PKG-INFO$|\/EGG-INFO\/PKG-INFO$|\.egg-info$/.test(path);
}

/** Where the headers of a record end at the latest; the description behind them may be long. */
const most = 256 << 10;

/** The package of a record: Python packaging specification, core metadata. */
export function readPython(tree: FileTree, place: ByteString): Found[] {
  const text = readHead(tree, place, most)?.toString();
  const headers = text?.replaceAll('\r\n', '\n').split('\n\n', 1)[0];
  if (headers === undefined) return [];
  const fields = (name: string): string[] =>
    [...headers.matchAll(new RegExp(`^${name}:[ \\t]*(.*)$`, 'gim'))].map(([, value]) => value!.trim());
  const [name, version] = [fields('Name')[0], fields('Version')[0]];
  if (!name || !version) return [];
  return [
    {
      type: 'pypi',
      name,
      version,
      purl: purlOf('pypi', { name: name.toLowerCase().replaceAll(/[-_.]+/g, '-'), version }),
      licenses: licensesOf(fields),
      place,
    },
  ];
}

/** The expression if there is one; else the licence, unless it is a whole text; else what it is classified as. */
function licensesOf(fields: (name: string) => string[]): string[] {
  const [expression, license] = [fields('License-Expression')[0], fields('License')[0]];
  if (expression) return [expression];
  if (license && license !== 'UNKNOWN' && license.length < 100) return [license];
  return fields('Classifier')
    .filter(each => each.startsWith('License :: '))
    .map(each => each.split(' :: ').at(-1)!)
    .filter(each => each !== 'OSI Approved');
}
