// For tests: images in a directory, and archives to put into them.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after } from 'node:test';
import { crc32, deflateRawSync } from 'node:zlib';
import { RootView } from '../snapshot/root-view.ts';
import { takeInventory } from './inventory.ts';
import type { Inventory } from './types.ts';

/** Files by path; programs are those whose content is bytes. */
export type Files = Readonly<Record<string, string | Uint8Array>>;

export function directoryOf(files: Files): string {
  const directory = mkdtempSync(join(tmpdir(), 'stagecraft-sbom-'));
  after(() => rmSync(directory, { recursive: true, force: true }));
  for (const [path, content] of Object.entries(files)) {
    const place = join(directory, path);
    mkdirSync(dirname(place), { recursive: true });
    writeFileSync(place, content, { mode: typeof content === 'string' ? 0o644 : 0o755 });
  }
  return directory;
}

/** What is found in an image of these layers. */
export function inventoryOf(...layers: readonly Files[]): Promise<Inventory> {
  const directories = layers.map(directoryOf);
  const tree = new RootView(directories);
  return takeInventory({
    tree,
    layerOf(path) {
      const place = tree.immutablePath(path);
      const index = directories.findIndex(directory => place?.startsWith(`${directory}/`));
      return index < 0 ? undefined : index;
    },
  });
}

/** `PURL` for each package found. */
export async function purlsOf(...layers: readonly Files[]): Promise<string[]> {
  return (await inventoryOf(...layers)).packages.map(({ purl }) => purl);
}

/** A zip archive, as Java's tools write it: the second entry and those after it are compressed. */
export function makeZip(files: Files): Buffer {
  const bodies: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const [name, content] of Object.entries(files)) {
    const plain = Buffer.from(content);
    const isPacked = directory.length > 0;
    const packed = isPacked ? deflateRawSync(plain) : plain;
    const common = Buffer.alloc(26);
    common.writeUInt16LE(20, 0);
    common.writeUInt16LE(isPacked ? 8 : 0, 4);
    common.writeUInt32LE(crc32(plain), 10);
    common.writeUInt32LE(packed.length, 14);
    common.writeUInt32LE(plain.length, 18);
    common.writeUInt16LE(Buffer.byteLength(name), 22);
    const local = Buffer.concat([Buffer.from('PK\x03\x04', 'latin1'), common, Buffer.from(name), packed]);
    const rest = Buffer.alloc(14);
    rest.writeUInt32LE(offset, 10);
    directory.push(
      Buffer.concat([Buffer.from('PK\x01\x02\x14\x00', 'latin1'), common, rest, Buffer.from(name)]),
    );
    bodies.push(local);
    offset += local.length;
  }
  const listing = Buffer.concat(directory);
  const end = Buffer.alloc(22);
  end.write('PK\x05\x06', 'latin1');
  end.writeUInt16LE(directory.length, 8);
  end.writeUInt16LE(directory.length, 10);
  end.writeUInt32LE(listing.length, 12);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...bodies, listing, end]);
}
