import { closeSync, openSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { looking } from '../files/read.ts';
import type { FileTree } from '../snapshot/types.ts';
import { type ByteString, bytesFromText, fsPath } from '../util/bytes.ts';
import { originOf, purlOf } from './purl.ts';
import { readBerkeley } from './rpm-bdb.ts';
import { type RpmHeader, readRpmHeader } from './rpm-header.ts';
import { readNdb } from './rpm-ndb.ts';
import type { Distribution, Found } from './types.ts';

const directories = ['/var/lib/rpm', '/usr/lib/sysimage/rpm', '/usr/share/rpm'];

/** What databases are called, and who reads them, the newest format first. */
const databases: readonly [name: string, read: (path: ByteString) => Promise<Buffer[] | undefined>][] = [
  ['rpmdb.sqlite', readSqlite],
  ['Packages.db', path => readOpen(path, readNdb)],
  ['Packages', path => readOpen(path, readBerkeley)],
];

/** Packages in an RPM database; one that is damaged is a gap. */
export async function findRpm(
  tree: FileTree,
  distribution: Distribution | undefined,
): Promise<{ found: Found[]; gaps: string[] }> {
  for (const [name, read] of databases)
    for (const directory of directories) {
      const place = `${directory}/${name}`;
      const path = looking(() => {
        const resolved = tree.resolve(place);
        return tree.lstat(resolved)?.type === 'file' ? tree.immutablePath(resolved) : undefined;
      });
      if (path === undefined) continue;
      const headers = await read(path);
      if (headers === undefined)
        return { found: [], gaps: [`The RPM database ${place} is damaged: its packages are missing here.`] };
      const found = headers.flatMap(bytes => {
        const header = readRpmHeader(bytes);
        return header === undefined ? [] : toPackage(header, place, distribution);
      });
      return { found, gaps: [] };
    }
  return { found: [], gaps: [] };
}

/** Loaded here: few images have such a database. Nothing is written, and what another process does there is no matter. */
async function readSqlite(path: ByteString): Promise<Buffer[] | undefined> {
  const { DatabaseSync } = await import('node:sqlite');
  const url = pathToFileURL(fsPath(path).toString());
  url.searchParams.set('immutable', '1');
  try {
    const database = new DatabaseSync(url, { readOnly: true });
    try {
      const rows = database.prepare('SELECT blob FROM Packages ORDER BY hnum').all() as {
        blob: Uint8Array;
      }[];
      return rows.map(({ blob }) => Buffer.from(blob));
    } finally {
      database.close();
    }
  } catch {
    return undefined;
  }
}

async function readOpen(
  path: ByteString,
  read: (fd: number) => Buffer[] | undefined,
): Promise<Buffer[] | undefined> {
  const fd = openSync(fsPath(path), 'r');
  try {
    return read(fd);
  } finally {
    closeSync(fd);
  }
}

function toPackage(header: RpmHeader, place: string, distribution: Distribution | undefined): Found[] {
  const { name, epoch, arch, license, sourceRpm, file } = header;
  // Keys that packages are verified with are listed as packages, too.
  if (name === 'gpg-pubkey') return [];
  const version = `${header.version}-${header.release}`;
  const [, sourceName = name, sourceVersion = version] =
    /^(.+)-([^-]+-[^-]+)\.(?:no)?src\.rpm$/.exec(sourceRpm) ?? [];
  return [
    {
      type: 'rpm',
      name,
      version: epoch ? `${epoch}:${version}` : version,
      purl: purlOf(
        'rpm',
        { namespace: distribution?.id ?? 'rpm', name, version },
        {
          arch,
          epoch: epoch ? String(epoch) : undefined,
          distro: originOf(name, version, undefined, distribution).distro,
          upstream: sourceRpm,
        },
      ),
      source: { name: sourceName, version: sourceVersion },
      licenses: license ? [license] : [],
      place,
      came: file && bytesFromText(file),
    },
  ];
}
