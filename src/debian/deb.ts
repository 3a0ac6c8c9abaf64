import { createReadStream } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { TarReader } from '../tar/reader.ts';
import { StagecraftError } from '../util/errors.ts';
import { type Compression, compressions, decompress } from './decompress.ts';

/** A Debian binary package (deb(5)): an ar archive of `debian-binary`, `control.tar` and `data.tar`. */
export interface Deb {
  /** When it was built, in seconds since the epoch: the date of its last change, for packages built reproducibly. */
  readonly built: number;
  /** The files of `control.tar` by name: `control`, `md5sums`, `postinst`, ... */
  readControl(): Promise<Map<string, Buffer>>;
  /** The files it installs. Only one package's may be read at a time. */
  readData(): TarReader;
}

interface Member {
  readonly name: string;
  readonly start: number;
  readonly size: number;
  readonly mtime: number;
}

const magic = '!<arch>\n';
const headerSize = 60;
/** Bytes of one control file at most; md5sums of large packages have megabytes. */
const maxControlFile = 16 << 20;

/**
 * Opens a package file.
 * @param what names it in messages
 * @throws StagecraftError `integrity` when it is not a binary package of format 2
 */
export async function openDeb(file: string, what: string): Promise<Deb> {
  const members = await readMembers(file, what);
  const format = members[0];
  const control = findMember(members, 'control.tar', what);
  const data = findMember(members, 'data.tar', what);
  if (format?.name !== 'debian-binary') throw broken(what, 'its first member is not debian-binary');
  const stream = (member: Member, compression: Compression, part: string): TarReader =>
    new TarReader(
      decompress(
        createReadStream(file, {
          start: member.start,
          end: member.start + member.size - 1,
          highWaterMark: 1 << 18,
        }),
        compression,
      ),
      { what: `${part} of ${what}` },
    );
  return {
    built: format.mtime,
    async readControl() {
      const files = new Map<string, Buffer>();
      const tar = stream(control.member, control.compression, 'control.tar');
      for (let header = await tar.next(); header; header = await tar.next()) {
        if (header.type !== 'file') continue;
        if (header.size > maxControlFile) throw broken(what, `its control file ${header.name} is too large`);
        const content = Buffer.alloc(header.size);
        for (let part = await tar.read(); part; part = await tar.read())
          part.bytes.copy(content, part.position);
        files.set(header.name.replace(/^(\.?\/)+/, ''), content);
      }
      if (!files.has('control')) throw broken(what, 'it has no control file');
      return files;
    },
    readData: () => stream(data.member, data.compression, 'data.tar'),
  };
}

function findMember(
  members: readonly Member[],
  name: string,
  what: string,
): { member: Member; compression: Compression } {
  for (const compression of compressions) {
    const member = members.find(each => each.name === name + compression);
    if (member) return { member, compression };
  }
  const other = members.find(each => each.name.startsWith(name));
  throw broken(what, other ? `its ${other.name} is in an unknown compression` : `it has no ${name}`);
}

async function readMembers(file: string, what: string): Promise<Member[]> {
  await using handle: FileHandle = await open(file, 'r');
  const { size: end } = await handle.stat();
  const header = Buffer.alloc(headerSize);
  const start = await handle.read(header, 0, magic.length, 0);
  if (start.bytesRead !== magic.length || header.toString('latin1', 0, magic.length) !== magic)
    throw broken(what, 'it is not an ar archive');
  const members: Member[] = [];
  for (let at = magic.length; at < end; ) {
    const { bytesRead } = await handle.read(header, 0, headerSize, at);
    const size = Number(header.toString('latin1', 48, 58).trim());
    if (
      bytesRead !== headerSize ||
      header.toString('latin1', 58, 60) !== '`\n' ||
      !Number.isSafeInteger(size) ||
      size < 0
    )
      throw broken(what, 'it ends in the middle of a member or has a damaged header');
    at += headerSize;
    if (at + size > end) throw broken(what, 'it is cut off');
    members.push({
      name: header.toString('latin1', 0, 16).trim().replace(/\/$/, ''),
      start: at,
      size,
      mtime: Number(header.toString('latin1', 16, 28).trim()) || 0,
    });
    at += size + (size % 2);
  }
  return members;
}

function broken(what: string, reason: string): StagecraftError {
  return new StagecraftError('integrity', `${what} is not a Debian package that can be read: ${reason}.`);
}
