import { readAt } from './read.ts';

/** What an ELF file says of itself, as far as starting it goes. ELF specification, chapters 4 and 5 of the gABI. */
export interface Elf {
  readonly bits: 32 | 64;
  /** `e_machine`. */
  readonly machine: number;
  /** PT_INTERP: the loader that the kernel starts in its place; nothing for what is linked statically. */
  readonly interpreter: string | undefined;
  /** DT_NEEDED, in order. */
  readonly needed: readonly string[];
  /** DT_SONAME. */
  readonly soname: string | undefined;
  /** DT_RPATH and DT_RUNPATH, as written. */
  readonly rpath: readonly string[];
  readonly runpath: readonly string[];
}

/** A part of a file. */
export interface Extent {
  readonly offset: number;
  readonly size: number;
}

interface Segment extends Extent {
  readonly type: number;
  readonly address: number;
}

/** More than any program has; what a damaged file claims is not believed. */
const most = { segments: 256, sections: 1024, dynamic: 1 << 16, text: 4096 };

/** Reads an ELF file's headers; nothing if it is none, or is damaged. Reads some kilobytes whatever its size. */
export function readElf(fd: number): Elf | undefined {
  const opened = openHeader(fd);
  if (opened === undefined) return undefined;
  const { head, read } = opened;
  const segments = readSegments(fd, opened);
  if (segments === undefined) return undefined;
  const dynamic = segments.find(({ type }) => type === 2);
  return {
    bits: read.wide ? 64 : 32,
    machine: read.half(head, 18),
    interpreter: interpreterOf(fd, segments),
    ...readDynamic(fd, read, segments, dynamic),
  };
}

/** Where in the file lies what a program has at an address once it is loaded; nothing if nowhere. */
export function offsetOfAddress(fd: number, address: number): number | undefined {
  const opened = openHeader(fd);
  return opened && offsetOf(readSegments(fd, opened) ?? [], address);
}

/** The sections of an ELF file by name, those with bytes in the file; empty where it has no table of them. */
export function readSections(fd: number): ReadonlyMap<string, Extent> {
  const sections = new Map<string, Extent>();
  const opened = openHeader(fd);
  if (opened === undefined) return sections;
  const { head, read } = opened;
  const table = read.word(head, read.wide ? 40 : 32);
  const [size, count, names] = [0, 2, 4].map(at => read.half(head, (read.wide ? 58 : 46) + at)) as [
    number,
    number,
    number,
  ];
  if (table === 0 || size < (read.wide ? 64 : 40) || count > most.sections) return sections;
  const bytes = readAt(fd, table, size * count);
  const extent = (at: number): Extent => ({
    offset: read.word(bytes, at + (read.wide ? 24 : 16)),
    size: read.word(bytes, at + (read.wide ? 32 : 20)),
  });
  if ((names + 1) * size > bytes.length) return sections;
  const place = extent(names * size);
  const texts = readAt(fd, place.offset, Math.min(place.size, most.dynamic));
  for (let at = 0; at + size <= bytes.length; at += size) {
    const hasBytes = read.full(bytes, at + 4) !== 8;
    if (hasBytes) sections.set(textOf(texts, read.full(bytes, at)), extent(at));
  }
  return sections;
}

interface Header {
  readonly head: Buffer;
  readonly read: Fields;
}

function openHeader(fd: number): Header | undefined {
  const head = readAt(fd, 0, 64);
  if (head.length < 52 || head.readUInt32BE(0) !== 0x7f454c46) return undefined;
  const [wide, little] = [head[4] === 2, head[5] === 1];
  if ((!wide && head[4] !== 1) || (!little && head[5] !== 2) || (wide && head.length < 64)) return undefined;
  return { head, read: new Fields(little, wide) };
}

/** The program header table; nothing if it is damaged. */
function readSegments(fd: number, { head, read }: Header): Segment[] | undefined {
  const table = read.word(head, read.wide ? 32 : 28);
  const size = read.half(head, read.wide ? 54 : 42);
  const count = read.half(head, read.wide ? 56 : 44);
  if (size < (read.wide ? 56 : 32) || count > most.segments) return undefined;
  const bytes = readAt(fd, table, size * count);
  const segments: Segment[] = [];
  for (let at = 0; at + size <= bytes.length; at += size) segments.push(readSegment(read, bytes, at));
  return segments;
}

function readSegment(read: Fields, bytes: Buffer, at: number): Segment {
  const type = read.full(bytes, at);
  return read.wide
    ? {
        type,
        offset: read.word(bytes, at + 8),
        address: read.word(bytes, at + 16),
        size: read.word(bytes, at + 32),
      }
    : {
        type,
        offset: read.word(bytes, at + 4),
        address: read.word(bytes, at + 8),
        size: read.word(bytes, at + 16),
      };
}

function interpreterOf(fd: number, segments: readonly Segment[]): string | undefined {
  const segment = segments.find(({ type }) => type === 3);
  if (segment === undefined) return undefined;
  return textOf(readAt(fd, segment.offset, Math.min(segment.size, most.text)), 0) || undefined;
}

function readDynamic(
  fd: number,
  read: Fields,
  segments: readonly Segment[],
  dynamic: Segment | undefined,
): Pick<Elf, 'needed' | 'soname' | 'rpath' | 'runpath'> {
  const values = new Map<number, number[]>();
  if (dynamic !== undefined) {
    const bytes = readAt(fd, dynamic.offset, Math.min(dynamic.size, most.dynamic));
    const size = read.wide ? 8 : 4;
    for (let at = 0; at + 2 * size <= bytes.length; at += 2 * size) {
      const tag = read.word(bytes, at);
      if (tag === 0) break;
      values.set(tag, [...(values.get(tag) ?? []), read.word(bytes, at + size)]);
    }
  }
  const table = values.get(5)?.[0];
  const place = table === undefined ? undefined : offsetOf(segments, table);
  const texts = (tag: number): string[] =>
    place === undefined
      ? []
      : (values.get(tag) ?? []).map(at => textOf(readAt(fd, place + at, most.text), 0));
  const paths = (tag: number) => texts(tag).flatMap(text => text.split(':').filter(part => part !== ''));
  return { needed: texts(1), soname: texts(14)[0], rpath: paths(15), runpath: paths(29) };
}

/** Where in the file an address of the loaded program is. */
function offsetOf(segments: readonly Segment[], address: number): number | undefined {
  const segment = segments.find(
    ({ type, address: start, size }) => type === 1 && start <= address && address < start + size,
  );
  return segment && segment.offset + address - segment.address;
}

/** The text that ends at the next zero byte, as a byte string. */
function textOf(bytes: Buffer, start: number): string {
  if (start >= bytes.length) return '';
  const end = bytes.indexOf(0, start);
  return bytes.toString('latin1', start, end < 0 ? bytes.length : end);
}

/** So far no file goes, and sums of such numbers are still exact. */
const farthest = 1n << 51n;

/** Reads numbers in the file's byte order and width. */
class Fields {
  readonly #little: boolean;
  readonly wide: boolean;

  constructor(little: boolean, wide: boolean) {
    this.#little = little;
    this.wide = wide;
  }

  half(bytes: Buffer, at: number): number {
    return this.#little ? bytes.readUInt16LE(at) : bytes.readUInt16BE(at);
  }

  full(bytes: Buffer, at: number): number {
    return this.#little ? bytes.readUInt32LE(at) : bytes.readUInt32BE(at);
  }

  /** An address, offset or size. What a number cannot hold is nowhere in a file. */
  word(bytes: Buffer, at: number): number {
    if (!this.wide) return this.full(bytes, at);
    const value = this.#little ? bytes.readBigUInt64LE(at) : bytes.readBigUInt64BE(at);
    return Number(value < farthest ? value : farthest);
  }
}

/** `e_machine` by the architectures that image configs name. */
const machines: Readonly<Record<string, readonly number[]>> = {
  amd64: [62, 3],
  '386': [3],
  // Many of these processors run 32-bit programs.
  arm64: [183, 40],
  arm: [40],
  riscv64: [243],
  ppc64le: [21],
  ppc64: [21],
  s390x: [22],
  mips64le: [8],
  mips64: [8],
  mipsle: [8],
  mips: [8],
  loong64: [258],
};

/** True where a machine of the architecture runs such a program, or it is not known. */
export function runsOn(architecture: string, { machine }: Elf): boolean {
  return machines[architecture]?.includes(machine) ?? true;
}

/** The architecture of a program by its usual name. */
export function architectureOf({ machine }: Elf): string {
  return Object.entries(machines).find(([, [first]]) => first === machine)?.[0] ?? `machine ${machine}`;
}
