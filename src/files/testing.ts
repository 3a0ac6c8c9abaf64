// For tests: ELF files that say what they need, and nothing else.

export interface ElfOptions {
  readonly bits?: 32 | 64;
  readonly little?: boolean;
  readonly machine?: number;
  readonly interpreter?: string;
  readonly needed?: readonly string[];
  readonly soname?: string;
  readonly rpath?: string;
  readonly runpath?: string;
  /** Sections by name, behind all else. */
  readonly sections?: Readonly<Record<string, string>>;
}

/** An ELF file: one segment with everything in it, loaded at 0x10000. */
export function makeElf(options: ElfOptions): Buffer {
  const {
    bits = 64,
    little = true,
    machine = 62,
    interpreter,
    needed = [],
    soname,
    rpath,
    runpath,
    sections = {},
  } = options;
  const wide = bits === 64;
  const base = 0x10000;
  const header = wide ? 64 : 52;
  const entry = wide ? 56 : 32;
  const strings = Buffer.from(
    `\0${[...needed, soname, rpath, runpath].map(text => `${text ?? ''}\0`).join('')}`,
    'latin1',
  );
  const offsets: number[] = [];
  for (let at = 1, index = 0; index < needed.length + 3; index++) {
    offsets.push(at);
    at = strings.indexOf(0, at) + 1;
  }
  const interp = Buffer.from(interpreter === undefined ? '' : `${interpreter}\0`, 'latin1');
  const count = 1 + (interpreter === undefined ? 0 : 1) + 1;
  const interpAt = header + entry * count;
  const stringsAt = interpAt + interp.length;
  const dynamicAt = stringsAt + strings.length;
  const tags: [number, number][] = [
    ...needed.map((_, index): [number, number] => [1, offsets[index]!]),
    ...(soname === undefined ? [] : [[14, offsets[needed.length]!] as [number, number]]),
    ...(rpath === undefined ? [] : [[15, offsets[needed.length + 1]!] as [number, number]]),
    ...(runpath === undefined ? [] : [[29, offsets[needed.length + 2]!] as [number, number]]),
    [5, base + stringsAt],
    [0, 0],
  ];
  const word = (value: number): Buffer => number(value, wide ? 8 : 4, little);
  const dynamic = Buffer.concat(tags.flatMap(([tag, value]) => [word(tag), word(value)]));
  const total = dynamicAt + dynamic.length;
  const sectionTable = makeSections(sections, total, wide, little);
  const half = (value: number) => number(value, 2, little);
  const full = (value: number) => number(value, 4, little);
  const segment = (type: number, flags: number, at: number, size: number): Buffer =>
    wide
      ? Buffer.concat([full(type), full(flags), ...[at, base + at, base + at, size, size, 1].map(word)])
      : Buffer.concat([
          full(type),
          ...[at, base + at, base + at, size, size].map(word),
          full(flags),
          word(1),
        ]);
  return Buffer.concat([
    Buffer.from([0x7f, 0x45, 0x4c, 0x46, wide ? 2 : 1, little ? 1 : 2, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
    half(3),
    half(machine),
    full(1),
    word(base),
    word(header),
    word(sectionTable.at),
    full(0),
    half(header),
    half(entry),
    half(count),
    half(wide ? 64 : 40),
    half(sectionTable.count),
    half(0),
    segment(1, 4, 0, total + sectionTable.bytes.length),
    ...(interpreter === undefined ? [] : [segment(3, 4, interpAt, interp.length)]),
    segment(2, 6, dynamicAt, dynamic.length),
    interp,
    strings,
    dynamic,
    sectionTable.bytes,
  ]);
}

/** The contents of sections, then their table; the first one holds the names. */
function makeSections(
  sections: Readonly<Record<string, string>>,
  start: number,
  wide: boolean,
  little: boolean,
): { bytes: Buffer; at: number; count: number } {
  const names = `.names\0${Object.keys(sections).join('\0')}\0`;
  const all = [['.names', names] as const, ...Object.entries(sections)];
  if (all.length === 1) return { bytes: Buffer.alloc(0), at: 0, count: 0 };
  const size = wide ? 8 : 4;
  let at = start;
  const table = all.map(([name, content]) => {
    const entry = Buffer.concat([
      number(names.indexOf(`${name}\0`), 4, little),
      number(1, 4, little),
      ...[0, 0, at, content.length].map(value => number(value, size, little)),
      Buffer.alloc(wide ? 24 : 16),
    ]);
    at += content.length;
    return entry;
  });
  return {
    bytes: Buffer.concat([Buffer.from(all.map(each => each[1]).join(''), 'latin1'), ...table]),
    at,
    count: all.length,
  };
}

function number(value: number, size: 2 | 4 | 8, little: boolean): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(value));
  const used = bytes.subarray(8 - size);
  return little ? used.reverse() : used;
}
