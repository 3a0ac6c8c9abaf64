import { readAt } from '../files/read.ts';

/** Words at the beginning of the file, of a slot and of a record: rpm's lib/backend/ndb/rpmpkg.c. */
const magic = { file: 'RpmP', slot: 'Slot', record: 'BlbS' };
/** A slot is as long as a block, and the head of the file as two. */
const block = 16;
const page = 4096;
const most = { pages: 4096, header: 64 << 20 };

/** The headers in rpm's own database format, `Packages.db`; nothing where the file is none. */
export function readNdb(fd: number): Buffer[] | undefined {
  const head = readAt(fd, 0, 2 * block);
  if (head.length < 2 * block || textAt(head, 0) !== magic.file) return undefined;
  const pages = head.readUInt32LE(12);
  if (pages > most.pages) return undefined;
  const slots = readAt(fd, 0, pages * page);
  const headers: Buffer[] = [];
  for (let at = 2 * block; at + block <= slots.length; at += block) {
    const [instance, offset] = [slots.readUInt32LE(at + 4), slots.readUInt32LE(at + 8)];
    // Slots that are free have no place.
    if (textAt(slots, at) !== magic.slot || offset === 0) continue;
    const record = readAt(fd, offset * block, block);
    if (record.length < block || textAt(record, 0) !== magic.record) return undefined;
    const length = record.readUInt32LE(12);
    if (record.readUInt32LE(4) !== instance || length > most.header) return undefined;
    headers.push(readAt(fd, (offset + 1) * block, length));
  }
  return headers;
}

function textAt(bytes: Buffer, at: number): string {
  return bytes.toString('latin1', at, at + 4);
}
