import { type Architecture, syscallNumbers } from './numbers.ts';
import { type ArgumentTest, ENOSYS, EPERM, type Rule } from './profile.ts';

/** Classic BPF: the instructions used here, linux/bpf_common.h. */
const LOAD = 0x20; // BPF_LD | BPF_W | BPF_ABS
const JUMP = 0x05; // BPF_JMP | BPF_JA
const JUMP_EQUAL = 0x15;
const JUMP_GREATER = 0x25;
const JUMP_GREATER_OR_EQUAL = 0x35;
const JUMP_SET = 0x45;
const RETURN = 0x06;

/** Verdicts, linux/seccomp.h. */
const ALLOW = 0x7fff0000;
const FAIL = 0x00050000;
const KILL = 0x80000000;

/** Offsets in `struct seccomp_data`; both machines are little-endian, so the low half of an argument comes first. */
const offset = { number: 0, architecture: 4, argument: (index: number) => 16 + 8 * index };

/** AUDIT_ARCH_* of linux/audit.h. */
const audit: Readonly<Record<Architecture, number>> = {
  x86_64: 0xc000003e,
  x86: 0x40000003,
  aarch64: 0xc00000b7,
  arm: 0x40000028,
};

/** The machine's own architecture and the 32-bit one it also runs. */
const pairs: Partial<Record<NodeJS.Architecture, readonly Architecture[]>> = {
  x64: ['x86_64', 'x86'],
  arm64: ['aarch64', 'arm'],
};

/**
 * The filter program for a profile, as `seccomp(SECCOMP_SET_MODE_FILTER)` takes it; nothing for a machine other than
 * amd64 and arm64. A call that the table does not know fails with EPERM, one that is newer than the table with ENOSYS,
 * so that programs fall back to what came before it. A foreign architecture (x32 among them) is not let in.
 */
export function compileFilter(profile: readonly Rule[], machine = process.arch): Buffer | undefined {
  const architectures = pairs[machine];
  if (architectures === undefined) return undefined;
  const code = new Program();
  code.add(LOAD, offset.architecture);
  for (const architecture of architectures) {
    const next = code.label();
    // Jumps by condition reach 255 instructions; the way around a whole architecture needs the long form.
    code.branch(JUMP_EQUAL, audit[architecture], { no: next });
    code.add(LOAD, offset.number);
    search(code, ranges(profile, syscallNumbers(architecture)));
    code.place(next);
  }
  code.add(RETURN, KILL);
  return code.assemble();
}

/** What happens from a system call number on, up to the next range's. */
interface Range {
  readonly from: number;
  readonly verdict: number | readonly ArgumentTest[];
}

/** The rules as ranges of numbers that cover everything from 0 on, neighbours with one verdict joined. */
function ranges(profile: readonly Rule[], numbers: ReadonlyMap<string, number>): Range[] {
  const verdicts = new Map<number, Range['verdict']>();
  for (const rule of profile) {
    const number = numbers.get(rule.name);
    if (number === undefined) continue;
    if (rule.action === 'fail') verdicts.set(number, FAIL | rule.errno);
    else verdicts.set(number, rule.when ?? ALLOW);
  }
  // The numbers 0xf0000 and up are arm's private calls.
  const newest = Math.max(...[...numbers.values()].filter(number => number < 0xf0000));
  const found: Range[] = [{ from: 0, verdict: verdicts.get(0) ?? FAIL | EPERM }];
  const put = (from: number, verdict: Range['verdict']): void => {
    if (found.at(-1)!.verdict !== verdict) found.push({ from, verdict });
  };
  for (let number = 1; number <= newest; number++) put(number, verdicts.get(number) ?? FAIL | EPERM);
  put(newest + 1, FAIL | ENOSYS);
  for (const [number, verdict] of [...verdicts].filter(([each]) => each > newest).sort(([a], [b]) => a - b)) {
    put(number, verdict);
    put(number + 1, FAIL | ENOSYS);
  }
  return found;
}

/** Emits a binary search for the range that the loaded number is in. Every path ends in a return. */
function search(code: Program, found: readonly Range[]): void {
  if (found.length === 1) {
    const { verdict } = found[0]!;
    if (typeof verdict === 'number') code.add(RETURN, verdict);
    else testArguments(code, verdict);
    return;
  }
  const middle = found.length >> 1;
  const upper = code.label();
  code.branch(JUMP_GREATER_OR_EQUAL, found[middle]!.from, { yes: upper });
  search(code, found.slice(0, middle));
  code.place(upper);
  search(code, found.slice(middle));
}

/** Allows if one of the tests holds, else fails with EPERM. */
function testArguments(code: Program, tests: readonly ArgumentTest[]): void {
  for (const test of tests) {
    const next = code.label();
    code.add(LOAD, offset.argument(test.index));
    if (test.op === 'clear') code.branch(JUMP_SET, test.mask, { yes: next });
    else if (test.op === 'equal') code.branch(JUMP_EQUAL, test.value, { no: next });
    else if (test.op === 'greater') code.branch(JUMP_GREATER, test.value, { no: next });
    else code.branch(JUMP_GREATER_OR_EQUAL, test.value, { yes: next });
    code.add(RETURN, ALLOW);
    code.place(next);
  }
  code.add(RETURN, FAIL | EPERM);
}

interface Instruction {
  readonly code: number;
  readonly yes: number;
  readonly no: number;
  readonly value: number;
  readonly label?: number;
}

/** Instructions with jumps to labels that are placed later on. */
class Program {
  readonly #instructions: Instruction[] = [];
  readonly #places: number[] = [];

  add(code: number, value: number): void {
    this.#instructions.push({ code, yes: 0, no: 0, value });
  }

  label(): number {
    return this.#places.push(-1) - 1;
  }

  place(label: number): void {
    this.#places[label] = this.#instructions.length;
  }

  /** Jumps to the label however far it is, if the condition holds (`yes`) or does not (`no`); else goes on. */
  branch(code: number, value: number, to: { yes: number } | { no: number }): void {
    const label = 'yes' in to ? to.yes : to.no;
    const skip = 'yes' in to ? { yes: 0, no: 1 } : { yes: 1, no: 0 };
    this.#instructions.push({ code, ...skip, value });
    this.#instructions.push({ code: JUMP, yes: 0, no: 0, value: 0, label });
  }

  assemble(): Buffer {
    const bytes = Buffer.alloc(8 * this.#instructions.length);
    for (const [index, { code, yes, no, value, label }] of this.#instructions.entries()) {
      const operand = label === undefined ? value : this.#places[label]! - index - 1;
      bytes.writeUInt16LE(code, 8 * index);
      bytes.writeUInt8(yes, 8 * index + 2);
      bytes.writeUInt8(no, 8 * index + 3);
      bytes.writeUInt32LE(operand >>> 0, 8 * index + 4);
    }
    return bytes;
  }
}
