import type { FileTree } from '../snapshot/types.ts';
import { bytesFromText } from '../util/bytes.ts';
import { originOf, purlOf } from './purl.ts';
import { type ApkRecord, apkRecords } from './records.ts';
import type { Distribution, Found } from './types.ts';

/** Packages that apk has installed. */
export function findApk(tree: FileTree, distribution: Distribution | undefined): Found[] {
  return apkRecords(tree).flatMap((record): Found[] => {
    const { field, place } = record;
    const [name, version, license] = [field('P'), field('V'), field('L')];
    if (!name || !version) return [];
    const source = { name: field('o') || name, version };
    return [
      {
        type: 'apk',
        name,
        version,
        purl: purlOf(
          'apk',
          { namespace: distribution?.id ?? 'alpine', name, version },
          { arch: field('A'), ...originOf(name, version, source, distribution) },
        ),
        source,
        licenses: license ? [license] : [],
        place,
        came: firstFile(record),
      },
    ];
  });
}

function firstFile({ lines }: ApkRecord): string | undefined {
  let directory = '';
  for (const line of lines) {
    if (line.startsWith('F:')) directory = line.slice(2);
    if (line.startsWith('R:')) return bytesFromText(`/${directory}/${line.slice(2)}`).replaceAll('//', '/');
  }
  return undefined;
}
