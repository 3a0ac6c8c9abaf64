import type { BlobStore } from '../content/blobs.ts';
import { decompress, detectCompression } from '../content/decompress.ts';
import { documentLimit, parseJsonValue } from '../content/json.ts';
import { normalizeReference } from '../image/reference.ts';
import type { Descriptor } from '../image/types.ts';
import { Allowance } from '../snapshot/allowance.ts';
import { TarReader } from '../tar/reader.ts';
import { textFromBytes } from '../util/bytes.ts';
import { type Digest, isDigest } from '../util/digest.ts';
import { StagecraftError } from '../util/errors.ts';

/** A file of an archive, set aside as a blob. */
export interface ArchivedFile {
  digest: Digest;
  /** Bytes. */
  size: number;
}

/** What an archive holds, by name as its tar headers have them, `./` and `/` at the start left out. */
export interface ArchiveContent {
  files: Map<string, ArchivedFile>;
  /** Symbolic and hard links: names to what they lead to, resolved within the archive. */
  links: Map<string, string>;
  blobs: BlobStore;
}

/** An image found in an archive, checked, its blobs still aside. */
export interface FoundImage {
  descriptor: Descriptor;
  names: string[];
  blobs: Digest[];
}

/** How far reading is, and how to stop it. */
export interface ReadOptions {
  /** Bytes that a compressed archive may have in any case, 0 for any number; 16 GiB unless given. */
  maxLayerSize?: number | undefined;
  signal?: AbortSignal | undefined;
  /** Bytes read so far. */
  status?: ((id: string, current: number) => void) | undefined;
}

/** Entries at most: an image has some dozens. */
const maxEntries = 100_000;

/** Sets every file of the archive aside, checking on the way those that are named by their digest. */
export async function unpackArchive(
  blobs: BlobStore,
  source: AsyncIterable<Uint8Array>,
  options: ReadOptions,
): Promise<ArchiveContent> {
  const { signal, status } = options;
  const allowance = Allowance.of(0, options.maxLayerSize, 'the image archive');
  const reader = new TarReader(allowance.bound(decompress(allowance.feed(source))), {
    what: 'the image archive',
    ...(signal ? { signal } : {}),
  });
  const content: ArchiveContent = { files: new Map(), links: new Map(), blobs };
  let bytes = 0;
  try {
    for (let count = 0; ; count += 1) {
      const header = await reader.next();
      if (header === undefined) return content;
      if (count >= maxEntries)
        throw new StagecraftError('integrity', `The image archive has more than ${maxEntries} entries.`);
      const name = cleanName(textFromBytes(header.name));
      if (header.type === 'symlink' || header.type === 'hardlink') {
        const target = textFromBytes(header.linkname);
        content.links.set(name, header.type === 'hardlink' ? cleanName(target) : resolveLink(name, target));
        content.files.delete(name);
      } else if (header.type === 'file') {
        const writer = await blobs.writer({ digest: expectedDigest(name), size: header.size });
        try {
          let position = 0;
          const fill = async (end: number): Promise<void> => {
            // A file with holes is nothing that tools write here, but what it means is clear.
            if (end > position) allowance.spend(header.name, end - position);
            for (; position < end; position += Math.min(zeros.length, end - position))
              await writer.write(zeros.subarray(0, Math.min(zeros.length, end - position)));
          };
          for (let part = await reader.read(); part; part = await reader.read()) {
            await fill(part.position);
            await writer.write(part.bytes);
            position += part.bytes.length;
            bytes += part.bytes.length;
            status?.('reading the archive', bytes);
          }
          await fill(header.size);
          content.files.set(name, await writer.commit());
          content.links.delete(name);
        } finally {
          await writer.abort();
        }
      }
    }
  } finally {
    await reader.close();
  }
}

const zeros = Buffer.alloc(1 << 16);

/** The digest that the name of a blob in a layout promises. */
function expectedDigest(name: string): Digest | undefined {
  const digest = name.startsWith('blobs/sha256/') ? `sha256:${name.slice('blobs/sha256/'.length)}` : '';
  return isDigest(digest) ? digest : undefined;
}

function cleanName(name: string): string {
  return name
    .split('/')
    .filter(part => part !== '' && part !== '.')
    .join('/');
}

/** Where a symlink leads, as if the archive were the whole file system. */
function resolveLink(name: string, target: string): string {
  const parts = target.startsWith('/') ? [] : cleanName(name).split('/').slice(0, -1);
  for (const part of cleanName(target).split('/')) {
    if (part === '..') parts.pop();
    else parts.push(part);
  }
  return parts.join('/');
}

/** The file under a name, through links. @throws StagecraftError `integrity` where there is none */
export function fileOf(content: ArchiveContent, name: string): ArchivedFile {
  let at = cleanName(name);
  for (let hops = 0; hops < 10; hops += 1) {
    const file = content.files.get(at);
    if (file) return file;
    const next = content.links.get(at);
    if (next === undefined) break;
    at = next;
  }
  throw new StagecraftError(
    'integrity',
    `The image archive has no file ${JSON.stringify(name)}, which it refers to.`,
  );
}

/** How a stored layer is compressed, by its first bytes. */
export async function formOf(
  blobs: BlobStore,
  digest: Digest,
): Promise<ReturnType<typeof detectCompression>> {
  for await (const chunk of blobs.stream(digest)) return detectCompression(chunk);
  return 'none';
}
/** Reads a JSON document of the archive. @throws StagecraftError `integrity` */
export function readFile(content: ArchiveContent, name: string): unknown {
  return parseJsonValue(content.blobs.read(fileOf(content, name).digest, documentLimit), `The file ${name}`);
}

/** A name in an archive in its full form. @throws StagecraftError `integrity` where it is none */
export function archivedName(name: string): string {
  try {
    return normalizeReference(name);
  } catch (error) {
    throw new StagecraftError('integrity', `The image archive has an image named ${JSON.stringify(name)}.`, {
      cause: error,
    });
  }
}
