import { posix } from 'node:path';
import { looking, readText } from '../../files/read.ts';
import type { FileTree } from '../../snapshot/types.ts';

/** A package that an image's package manager knows as installed. */
export interface Package {
  readonly name: string;
  /** Bytes that it takes, as it says itself. */
  readonly bytes: number;
}

/** Records are read up to this size. */
const most = 32 << 20;

/** Packages by the records of dpkg (also in distroless' form) and apk. Empty for an image without either. */
export function installedPackages(tree: FileTree): Package[] {
  const dpkg = readText(tree, '/var/lib/dpkg/status', most);
  if (dpkg !== undefined) return readDpkg(dpkg);
  const directory = '/var/lib/dpkg/status.d';
  const parts = looking(() => tree.list(directory)) ?? [];
  if (parts.length > 0)
    return parts
      .filter(part => !part.endsWith('.md5sums'))
      .flatMap(part => readDpkg(readText(tree, posix.join(directory, part)) ?? ''));
  const apk =
    readText(tree, '/lib/apk/db/installed', most) ?? readText(tree, '/usr/lib/apk/db/installed', most);
  return apk === undefined ? [] : readApk(apk);
}

/** deb-status: stanzas of fields; sizes in KiB. */
function readDpkg(text: string): Package[] {
  return text.split('\n\n').flatMap(stanza => {
    const field = (name: string) => new RegExp(`^${name}: (.*)$`, 'm').exec(stanza)?.[1];
    const name = field('Package');
    const status = field('Status');
    if (name === undefined || (status !== undefined && !status.endsWith(' installed'))) return [];
    return [{ name, bytes: Number(field('Installed-Size') ?? 0) * 1024 || 0 }];
  });
}

/** apk's database: a letter for each field, sizes in bytes. */
function readApk(text: string): Package[] {
  return text.split('\n\n').flatMap(stanza => {
    const name = /^P:(.*)$/m.exec(stanza)?.[1];
    return name === undefined ? [] : [{ name, bytes: Number(/^I:(\d+)$/m.exec(stanza)?.[1] ?? 0) }];
  });
}
