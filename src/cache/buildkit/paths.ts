import { posix } from 'node:path';

/** The path from the root, as Go's `path.Join` cleans it. */
export function cleanPath(path: string): string {
  const clean = posix.join('/', path);
  return clean.length > 1 && clean.endsWith('/') ? clean.slice(0, -1) : clean;
}

/** The last part of a path, as Go's `path.Base` has it. */
export function baseName(path: string): string {
  if (path === '') return '.';
  const trimmed = path.replace(/\/+$/, '');
  return trimmed === '' ? '/' : trimmed.slice(trimmed.lastIndexOf('/') + 1);
}

/** Each path once, without those below another one. */
export function withoutNested(paths: readonly string[]): string[] {
  const distinct = [...new Set(paths)];
  return distinct.filter(
    path =>
      !distinct.some(other => other !== path && path.startsWith(other.endsWith('/') ? other : `${other}/`)),
  );
}

/** Orders texts as their UTF-8 bytes order. */
export function compareBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}
