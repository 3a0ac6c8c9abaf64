import { type Extent, offsetOfAddress } from '../files/elf.ts';
import { readAt } from '../files/read.ts';
import type { ByteString } from '../util/bytes.ts';
import { purlOf } from './purl.ts';
import type { Found } from './types.ts';

/** What Go's linker writes into every program: Go's debug/buildinfo. */
const magic = Buffer.from('\xff Go buildinf:', 'latin1');
const most = 1 << 20;

interface BuildInfo {
  /** Such as `go1.22.1`. */
  readonly version: string;
  /** Lines of tab-separated fields: runtime/debug, BuildInfo. */
  readonly modules: string;
}

/**
 * The modules that a Go program was built of, with its standard library, by its section `.go.buildinfo`.
 * @param section of the open file
 */
export function readGo(fd: number, section: Extent, place: ByteString): Found[] {
  const info = readBuildInfo(fd, section);
  return info === undefined ? [] : modulesOf(info, place);
}

function readBuildInfo(fd: number, section: Extent): BuildInfo | undefined {
  const head = readAt(fd, section.offset, Math.min(section.size, 32));
  if (head.length < 32 || !head.subarray(0, magic.length).equals(magic)) return undefined;
  const [pointerSize, flags] = [head[14]!, head[15]!];
  if (flags & 2) {
    // Since Go 1.18: both texts follow, each behind its length.
    const inline = readAt(fd, section.offset + 32, Math.min(section.size - 32, most));
    const version = readCounted(inline, 0);
    const modules = version && readCounted(inline, version.end);
    return version && { version: version.text, modules: strip(modules?.text ?? '') };
  }
  const memory = new Memory(fd, pointerSize, (flags & 1) === 1);
  const version = memory.string(memory.pointer(head, 16));
  const modules = memory.string(memory.pointer(head, 16 + pointerSize));
  return version === undefined ? undefined : { version, modules: strip(modules ?? '') };
}

/** A text behind its length as a variable-length number. */
function readCounted(bytes: Buffer, start: number): { text: string; end: number } | undefined {
  let length = 0;
  for (let at = start, shift = 0; at < bytes.length && shift < 35; at++, shift += 7) {
    length += (bytes[at]! & 0x7f) * 2 ** shift;
    if (bytes[at]! < 0x80) {
      const end = at + 1 + length;
      return end > bytes.length ? undefined : { text: bytes.toString('utf8', at + 1, end), end };
    }
  }
  return undefined;
}

/** What a program has at its addresses. */
class Memory {
  readonly #fd: number;
  readonly #size: number;
  readonly #isBig: boolean;

  constructor(fd: number, pointerSize: number, isBig: boolean) {
    this.#fd = fd;
    this.#size = pointerSize;
    this.#isBig = isBig;
  }

  /** 0 where there is none. */
  pointer(bytes: Buffer, at: number): number {
    if ((this.#size !== 4 && this.#size !== 8) || bytes.length < at + this.#size) return 0;
    if (this.#size === 4) return this.#isBig ? bytes.readUInt32BE(at) : bytes.readUInt32LE(at);
    const value = this.#isBig ? bytes.readBigUInt64BE(at) : bytes.readBigUInt64LE(at);
    return value > BigInt(Number.MAX_SAFE_INTEGER) ? 0 : Number(value);
  }

  /** A Go string: a pointer to its bytes, and their number. */
  string(address: number): string | undefined {
    const place = offsetOfAddress(this.#fd, address);
    if (place === undefined) return undefined;
    const header = readAt(this.#fd, place, 2 * this.#size);
    const start = offsetOfAddress(this.#fd, this.pointer(header, 0));
    const length = this.pointer(header, this.#size);
    return start === undefined || length > most ? undefined : readAt(this.#fd, start, length).toString();
  }
}

/** The list of modules stands between two marks of 16 bytes, which are no text. */
function strip(text: string): string {
  const start = text.indexOf('path\t');
  const end = text.lastIndexOf('\n');
  return start >= 0 && end > start ? text.slice(start, end) : '';
}

function modulesOf({ version, modules }: BuildInfo, place: ByteString): Found[] {
  const found: { name: string; version: string }[] = [];
  for (const line of modules.split('\n')) {
    const [kind, name = '', each = ''] = line.split('\t');
    if (name === '' || !(kind === 'mod' || kind === 'dep' || kind === '=>')) continue;
    const version = each === '(devel)' ? '' : each;
    // A replacement is what was really compiled; a directory has the name of what it replaces, and no version.
    const replaced = kind === '=>' ? found.pop() : undefined;
    const isDirectory = /^\.{0,2}\//.test(name);
    found.push(replaced && isDirectory ? { ...replaced, version: '' } : { name, version });
  }
  const standard = /^go(\d\S*)/.exec(version)?.[1];
  if (standard !== undefined) found.push({ name: 'stdlib', version: standard });
  return found.map(module => ({
    type: 'golang',
    ...module,
    purl: golangPurl(module),
    licenses: [],
    place,
  }));
}

function golangPurl({ name, version }: { name: string; version: string }): string | undefined {
  const slash = name.lastIndexOf('/');
  const namespace = slash < 0 ? undefined : name.slice(0, slash);
  return purlOf('golang', { namespace, name: name.slice(slash + 1), version });
}
