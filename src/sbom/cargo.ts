import { inflateSync } from 'node:zlib';
import type { Extent } from '../files/elf.ts';
import { readAt } from '../files/read.ts';
import type { ByteString } from '../util/bytes.ts';
import { purlOf } from './purl.ts';
import type { Found } from './types.ts';

/** Bytes of the list, compressed and not. */
const most = { packed: 1 << 20, plain: 8 << 20 };

/**
 * The crates that a Rust program was built of, where `cargo auditable` put their list into the section `.dep-v0`:
 * rust-secure-code/cargo-auditable, PARSING.md. Crates that only the build used are no part of it.
 */
export function readCargo(fd: number, section: Extent, place: ByteString): Found[] {
  const crates = readList(fd, section);
  return crates.flatMap(each => {
    const { name, version, kind } = (each ?? {}) as Record<string, unknown>;
    if (typeof name !== 'string' || typeof version !== 'string' || !name || kind === 'build') return [];
    return [{ type: 'cargo', name, version, purl: purlOf('cargo', { name, version }), licenses: [], place }];
  });
}

function readList(fd: number, section: Extent): unknown[] {
  if (section.size > most.packed) return [];
  try {
    const text = inflateSync(readAt(fd, section.offset, section.size), { maxOutputLength: most.plain });
    const { packages } = JSON.parse(text.toString()) as { packages?: unknown };
    return Array.isArray(packages) ? packages : [];
  } catch {
    return [];
  }
}
