import { posix } from 'node:path';
import { parseStanzas, type Stanza } from '../debian/stanza.ts';
import { looking, readText } from '../files/read.ts';
import type { FileTree } from '../snapshot/types.ts';
import type { ByteString } from '../util/bytes.ts';

/** What a package manager has noted of a package that is installed. */
export interface PackageRecord {
  /** The value of a field; dpkg's names are in lower case, apk's are letters. */
  field(name: string): string | undefined;
  /** The file that it stands in. */
  readonly place: ByteString;
}

/** apk's also lists the files of the package. */
export interface ApkRecord extends PackageRecord {
  readonly lines: readonly string[];
}

/** Bytes of a database that are read at most. */
const most = 64 << 20;

export const dpkgDirectory = '/var/lib/dpkg';

/** Packages that dpkg has installed; those of images without dpkg, whose records are files of `status.d`. */
export function dpkgRecords(tree: FileTree): PackageRecord[] {
  const directory = posix.join(dpkgDirectory, 'status.d');
  const apart = (looking(() => tree.list(directory)) ?? [])
    .filter(name => !name.endsWith('.md5sums'))
    .map(name => posix.join(directory, name));
  return [posix.join(dpkgDirectory, 'status'), ...apart].flatMap(place =>
    parseStanzas(readText(tree, place, most) ?? '')
      .filter(isInstalled)
      .map(stanza => ({ field: name => stanza.get(name), place })),
  );
}

function isInstalled(stanza: Stanza): boolean {
  const status = stanza.get('status');
  return stanza.has('package') && (status === undefined || status.endsWith(' installed'));
}

const apkDatabases = ['/lib/apk/db/installed', '/usr/lib/apk/db/installed'];

/** Packages that apk has installed: apk-installed-db(5), a letter for each field. */
export function apkRecords(tree: FileTree): ApkRecord[] {
  for (const place of apkDatabases) {
    const text = readText(tree, place, most);
    if (text === undefined) continue;
    return text
      .split('\n\n')
      .map(stanza => stanza.split('\n'))
      .filter(lines => lines.some(line => line.startsWith('P:')))
      .map(lines => ({
        field: name => lines.find(line => line.startsWith(`${name}:`))?.slice(name.length + 1),
        lines,
        place,
      }));
  }
  return [];
}
