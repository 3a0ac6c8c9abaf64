import { pathToFileURL } from 'node:url';
import { looking } from '../files/read.ts';
import type { FileTree } from '../snapshot/types.ts';
import { bytesFromText, fsPath } from '../util/bytes.ts';
import { originOf, purlOf } from './purl.ts';
import { type RpmHeader, readRpmHeader } from './rpm-header.ts';
import type { Distribution, Found } from './types.ts';

const directories = ['/var/lib/rpm', '/usr/lib/sysimage/rpm', '/usr/share/rpm'];

/** Packages in an RPM database in SQLite's format, and what other databases there are, as gaps. */
export async function findRpm(
  tree: FileTree,
  distribution: Distribution | undefined,
): Promise<{ found: Found[]; gaps: string[] }> {
  const has = (path: string) => looking(() => tree.lstat(tree.resolve(path)))?.type === 'file';
  const place = directories.map(each => `${each}/rpmdb.sqlite`).find(has);
  if (place !== undefined) {
    const path = looking(() => tree.immutablePath(tree.resolve(place)));
    const headers = path === undefined ? undefined : await readDatabase(path);
    if (headers === undefined)
      return { found: [], gaps: [`The RPM database ${place} is damaged: its packages are missing here.`] };
    return { found: headers.flatMap(header => toPackage(header, place, distribution)), gaps: [] };
  }
  const other = directories
    .flatMap(each => [
      { path: `${each}/Packages`, format: 'Berkeley DB' },
      { path: `${each}/Packages.db`, format: 'ndb' },
    ])
    .find(({ path }) => has(path));
  const gap = `The RPM database ${other?.path} has the format ${other?.format}, which cannot be read: its packages are missing here.`;
  return { found: [], gaps: other === undefined ? [] : [gap] };
}

/** Loaded here: few images have such a database. Nothing is written, and what another process does there is no matter. */
async function readDatabase(path: string): Promise<RpmHeader[] | undefined> {
  const { DatabaseSync } = await import('node:sqlite');
  const url = pathToFileURL(fsPath(path).toString());
  url.searchParams.set('immutable', '1');
  try {
    const database = new DatabaseSync(url, { readOnly: true });
    try {
      const rows = database.prepare('SELECT blob FROM Packages ORDER BY hnum').all() as {
        blob: Uint8Array;
      }[];
      return rows.flatMap(({ blob }) => readRpmHeader(Buffer.from(blob)) ?? []);
    } finally {
      database.close();
    }
  } catch {
    return undefined;
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
