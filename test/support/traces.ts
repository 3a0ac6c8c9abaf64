import { lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync, zstdDecompressSync } from 'node:zlib';

/**
 * Where a value is found below these places, as itself or as base64 or hexadecimal digits: in the bytes of files, in
 * what they hold when they are decompressed, in names and in targets of links. Each answer is a line for a person.
 * Databases and their journals are files like any other; a tar holds its files as they are.
 * @param since files that changed before this time, in milliseconds, are passed over
 */
export function findTraces(value: string | Uint8Array, places: readonly string[], since = 0): string[] {
  const forms = formsOf(Buffer.from(value as string));
  return places.flatMap(place => [...search(place, forms, since)]);
}

/** The forms of a value that a text holds. */
export function findInText(value: string | Uint8Array, text: string): string[] {
  return inBytes(Buffer.from(text), formsOf(Buffer.from(value as string)));
}

type Forms = readonly (readonly [form: string, bytes: Buffer])[];

function formsOf(value: Buffer): Forms {
  // Where base64 has no end of its own, three texts stand for the same bytes; their ends depend on what is around.
  const base64 = [0, 1, 2].map(skipped => {
    const text = value.subarray(skipped, skipped + 3 * Math.floor((value.length - skipped) / 3));
    return ['base64', Buffer.from(text.toString('base64'))] as const;
  });
  const hex = value.toString('hex');
  return [
    ['itself', value],
    ...base64,
    ['hexadecimal', Buffer.from(hex)],
    ['hexadecimal', Buffer.from(hex.toUpperCase())],
  ];
}

function* search(path: string, forms: Forms, since: number): Generator<string> {
  const found = (where: string, bytes: Buffer): string[] =>
    inBytes(bytes, forms).map(form => `${path}: ${form} in its ${where}`);
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return;
  yield* found('name', Buffer.from(path));
  if (stat.isDirectory())
    for (const name of whileThere(() => readdirSync(path)) ?? [])
      yield* search(join(path, name), forms, since);
  if (stat.ctimeMs < since) return;
  if (stat.isSymbolicLink()) yield* found('target', whileThere(() => readlinkSync(path, 'buffer')) ?? none);
  if (stat.isFile()) {
    const bytes = whileThere(() => readFileSync(path)) ?? none;
    yield* found('content', bytes);
    yield* found('decompressed content', decompressed(bytes));
  }
}

const none = Buffer.alloc(0);

/** Other programs remove their files meanwhile. */
function whileThere<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

function inBytes(bytes: Buffer, forms: Forms): string[] {
  return [...new Set(forms.filter(([, form]) => bytes.includes(form)).map(([name]) => name))];
}

/** Of a file that began to be written and never ended, as far as it goes. */
function decompressed(bytes: Buffer): Buffer {
  const magic = bytes.subarray(0, 4).toString('hex');
  if (magic.startsWith('1f8b')) return gunzipSync(bytes, { finishFlush: 2 });
  if (magic === '28b52ffd') return zstdDecompressSync(bytes, { finishFlush: 1 });
  return none;
}
