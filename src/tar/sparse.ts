import { blockSize, HeaderError, number } from './header.ts';
import { integer, type PaxRecord } from './pax.ts';

/** Where one run of stored bytes belongs in a file with holes. */
export interface SparseRun {
  readonly offset: number;
  readonly length: number;
}

/** How a file with holes is stored: `size` is that of the file, the runs follow each other in the archive. */
export interface SparseMap {
  readonly runs: readonly SparseRun[];
  readonly size: number;
}

/** More runs than this are refused: the map would not be bounded in memory otherwise. */
const maxRuns = 100_000;

/** Reads old GNU sparse headers (type `S`): up to 4 runs, then extension blocks of 21 runs each. */
export class OldGnuMap {
  readonly #runs: SparseRun[] = [];
  readonly size: number;
  /** True while one more extension block follows. */
  extended: boolean;

  constructor(header: Buffer) {
    this.size = number(header, 483, 12, 'sparse size');
    this.#add(header, 386, 4);
    this.extended = header[482] !== 0;
  }

  extend(block: Buffer): void {
    this.#add(block, 0, 21);
    this.extended = block[504] !== 0;
    if (this.#runs.length > maxRuns) throw new HeaderError('a sparse file has too many parts');
  }

  get map(): SparseMap {
    return { runs: this.#runs, size: this.size };
  }

  #add(block: Buffer, start: number, count: number): void {
    for (let i = 0; i < count; i++) {
      const at = start + i * 24;
      if (block[at] === 0) return;
      this.#runs.push({
        offset: number(block, at, 12, 'sparse map'),
        length: number(block, at + 12, 12, 'sparse map'),
      });
    }
  }
}

/** GNU sparse formats 0.0, 0.1 and 1.0 in extended headers (GNU tar manual, "Storing Sparse Files"). */
export type PaxSparse =
  | { readonly form: 'header'; readonly map: SparseMap; readonly name?: string }
  /** Form 1.0: the map stands before the content. */
  | { readonly form: 'content'; readonly size: number; readonly name?: string };

export function paxSparse(records: readonly PaxRecord[]): PaxSparse | undefined {
  const numbers: number[] = [];
  let major: string | undefined;
  let minor: string | undefined;
  let size: number | undefined;
  let name: string | undefined;
  let isSparse = false;
  for (const [key, value] of records) {
    if (!key.startsWith('GNU.sparse.')) continue;
    const what = key.slice('GNU.sparse.'.length);
    if (what === 'major') major = value.toString('latin1');
    else if (what === 'minor') minor = value.toString('latin1');
    else if (what === 'name') name = value.toString('latin1');
    else if (what === 'size' || what === 'realsize') size = integer(value, key);
    else if (what === 'numblocks') isSparse = true;
    else if (what === 'offset' || what === 'numbytes') numbers.push(integer(value, key) ?? 0);
    else if (what === 'map') {
      isSparse = true;
      for (const part of value.toString('latin1').split(','))
        if (part !== '') numbers.push(integer(Buffer.from(part), key)!);
    }
  }
  if (name?.includes('\0')) throw new HeaderError('a sparse file has a name with a NUL byte');
  const named = name === undefined ? {} : { name };
  if (major === '1' && minor === '0') {
    if (size === undefined) throw new HeaderError('a sparse file has no size');
    return { form: 'content', size, ...named };
  }
  if (!isSparse) return undefined;
  if (size === undefined || numbers.length % 2 !== 0)
    throw new HeaderError('a sparse file has a malformed map');
  return { form: 'header', map: { runs: pairs(numbers), size }, ...named };
}

function pairs(numbers: readonly number[]): SparseRun[] {
  const runs: SparseRun[] = [];
  for (let i = 0; i < numbers.length; i += 2) runs.push({ offset: numbers[i]!, length: numbers[i + 1]! });
  return runs;
}

/**
 * Reads the map of form 1.0 from the content's first blocks: decimal numbers, each ended by a line feed, padded to a
 * block. `next` gives the next block.
 */
export async function readContentMap(size: number, next: () => Promise<Buffer>): Promise<SparseMap> {
  const numbers: number[] = [];
  let wanted: number | undefined;
  let text = '';
  while (wanted === undefined || numbers.length < wanted) {
    text += (await next()).toString('latin1', 0, blockSize);
    const parts = text.split('\n');
    text = parts.pop()!;
    for (const part of parts) {
      if (wanted !== undefined && numbers.length >= wanted) break;
      const value = integer(Buffer.from(part, 'latin1'), 'sparse map');
      if (value === undefined) throw new HeaderError('a sparse file has a malformed map');
      if (wanted !== undefined) numbers.push(value);
      else if (value <= maxRuns) wanted = value * 2;
      else throw new HeaderError('a sparse file has too many parts');
    }
    if (text.length > 24 && (wanted === undefined || numbers.length < wanted))
      throw new HeaderError('a sparse file has a malformed map');
  }
  return { runs: pairs(numbers), size };
}

/** Checks that the runs are in order, within the file, and as long together as what is stored. */
export function validateMap({ runs, size }: SparseMap, stored: number): void {
  let end = 0;
  let total = 0;
  for (const run of runs) {
    if (run.offset < end || run.length < 0 || run.offset + run.length > size)
      throw new HeaderError('a sparse file has parts that overlap or lie outside it');
    end = run.offset + run.length;
    total += run.length;
  }
  if (total !== stored) throw new HeaderError('a sparse file has a map that does not fit its content');
}
