import { readText } from '../files/read.ts';
import type { FileTree } from '../snapshot/types.ts';
import { bytesFromText } from '../util/bytes.ts';
import { originOf, purlOf } from './purl.ts';
import type { Distribution, Found } from './types.ts';

const databases = ['/lib/apk/db/installed', '/usr/lib/apk/db/installed'];
/** Bytes of a database that are read at most. */
const most = 64 << 20;

/** Packages that apk has installed: apk-installed-db(5), a letter for each field. */
export function findApk(tree: FileTree, distribution: Distribution | undefined): Found[] {
  const place = databases.find(path => readText(tree, path, most) !== undefined);
  if (place === undefined) return [];
  return readText(tree, place, most)!
    .split('\n\n')
    .flatMap(stanza => {
      const field = (letter: string) => new RegExp(`^${letter}:(.*)$`, 'm').exec(stanza)?.[1];
      const [name, version] = [field('P'), field('V')];
      if (!name || !version) return [];
      const source = { name: field('o') || name, version };
      return [
        {
          type: 'apk' as const,
          name,
          version,
          purl: purlOf(
            'apk',
            { namespace: distribution?.id ?? 'alpine', name, version },
            { arch: field('A'), ...originOf(name, version, source, distribution) },
          ),
          source,
          licenses: field('L') ? [field('L')!] : [],
          place,
          came: firstFile(stanza),
        },
      ];
    });
}

function firstFile(stanza: string): string | undefined {
  let directory = '';
  for (const line of stanza.split('\n')) {
    if (line.startsWith('F:')) directory = line.slice(2);
    if (line.startsWith('R:')) return bytesFromText(`/${directory}/${line.slice(2)}`).replaceAll('//', '/');
  }
  return undefined;
}
