/*
 * Programs by processor: the first bytes of an ELF file (System V ABI, "ELF Header"), read, and written for a program
 * that does nothing but end well.
 */

interface Machine {
  /** `e_machine`. */
  readonly number: number;
  readonly bits: 32 | 64;
  readonly bigEndian?: boolean;
  /** `e_flags`, which some kernels look at. */
  readonly flags?: number;
  /** Machine code of `exit(0)`, in words of the processor's byte order, or in bytes. */
  readonly exit: { readonly words: readonly number[] } | { readonly bytes: string };
}

/** Processors by the names of image platforms. */
const machines: Record<string, Machine> = {
  386: { number: 3, bits: 32, exit: { bytes: '31db31c040cd80' } },
  amd64: { number: 62, bits: 64, exit: { bytes: '31ffb83c0000000f05' } },
  arm: { number: 40, bits: 32, flags: 0x05000000, exit: { words: [0xe3a00000, 0xe3a07001, 0xef000000] } },
  arm64: { number: 183, bits: 64, exit: { words: [0xd2800000, 0xd2800ba8, 0xd4000001] } },
  loong64: { number: 258, bits: 64, flags: 0x43, exit: { words: [0x00150004, 0x0381740b, 0x002b0000] } },
  mips64le: {
    number: 8,
    bits: 64,
    flags: 0x80000007,
    exit: { words: [0x00002025, 0x240213c2, 0x0000000c] },
  },
  ppc64le: { number: 21, bits: 64, flags: 2, exit: { words: [0x38600000, 0x38000001, 0x44000002] } },
  riscv64: { number: 243, bits: 64, flags: 5, exit: { words: [0x00000513, 0x05d00893, 0x00000073] } },
  s390x: { number: 22, bits: 64, bigEndian: true, exit: { bytes: 'a72900000a01' } },
};

/** Architectures for which {@link smallestProgram} has one. */
export const knownArchitectures: readonly string[] = Object.keys(machines);

/** How many bytes of a file {@link architectureOf} wants. */
export const headerSize = 20;

/** The architecture that a file's first bytes say it is a program for; nothing for what is none, or for an unknown one. */
export function architectureOf(header: Uint8Array): string | undefined {
  if (header.length < headerSize || Buffer.from(header.subarray(0, 4)).toString('latin1') !== '\x7fELF')
    return undefined;
  const bits = header[4] === 1 ? 32 : 64;
  const bigEndian = header[5] === 2;
  const view = new DataView(header.buffer, header.byteOffset, header.byteLength);
  const number = view.getUint16(18, !bigEndian);
  return knownArchitectures.find(name => {
    const machine = machines[name] as Machine;
    return machine.number === number && machine.bits === bits && (machine.bigEndian ?? false) === bigEndian;
  });
}

/** A static program of a hundred-odd bytes that ends with code 0. */
export function smallestProgram(architecture: string): Uint8Array | undefined {
  const machine = Object.hasOwn(machines, architecture) ? machines[architecture] : undefined;
  return machine && new Uint8Array(writeProgram(machine).buffer);
}

function writeProgram(machine: Machine): DataView {
  const is64 = machine.bits === 64;
  const little = !machine.bigEndian;
  const headers = is64 ? 64 + 56 : 52 + 32;
  const code = codeOf(machine, little);
  const size = headers + code.length;
  const address = 0x10000;
  const file = new DataView(new ArrayBuffer(size));
  let at = 0;
  const put = (bytes: 1 | 2 | 4, value: number): void => {
    if (bytes === 1) file.setUint8(at, value);
    else if (bytes === 2) file.setUint16(at, value, little);
    else file.setUint32(at, value, little);
    at += bytes;
  };
  const putAddress = (value: number): void => {
    if (is64) file.setBigUint64(at, BigInt(value), little);
    else file.setUint32(at, value, little);
    at += is64 ? 8 : 4;
  };
  // e_ident: magic, class, byte order, version; then nothing up to 16 bytes.
  for (const byte of [0x7f, 0x45, 0x4c, 0x46, is64 ? 2 : 1, little ? 1 : 2, 1]) put(1, byte);
  at = 16;
  put(2, 2); // e_type: executable
  put(2, machine.number);
  put(4, 1); // e_version
  putAddress(address + headers); // e_entry
  putAddress(is64 ? 64 : 52); // e_phoff
  putAddress(0); // e_shoff
  put(4, machine.flags ?? 0);
  for (const value of [is64 ? 64 : 52, is64 ? 56 : 32, 1, 0, 0, 0]) put(2, value);
  // One segment: the whole file, to be read and executed.
  put(4, 1); // p_type: load
  if (is64) put(4, 5); // p_flags
  putAddress(0); // p_offset
  putAddress(address); // p_vaddr
  putAddress(address); // p_paddr
  putAddress(size); // p_filesz
  putAddress(size); // p_memsz
  if (!is64) put(4, 5);
  putAddress(0x10000); // p_align
  for (const byte of code) put(1, byte);
  return file;
}

function codeOf({ exit }: Machine, little: boolean): Uint8Array {
  if ('bytes' in exit) return Buffer.from(exit.bytes, 'hex');
  const code = new DataView(new ArrayBuffer(exit.words.length * 4));
  for (const [i, word] of exit.words.entries()) code.setUint32(i * 4, word, little);
  return new Uint8Array(code.buffer);
}
