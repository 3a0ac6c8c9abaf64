import { posix } from 'node:path';

/**
 * The name of a downloaded file: the one asked for, else the one the server gives it, else the last part of the
 * address's path; `download` where none of them can be a file's name.
 */
export function downloadName(
  url: string,
  wanted: string | undefined,
  disposition: string | undefined,
): string {
  if (wanted) return safeName(wanted);
  const given = disposition === undefined ? undefined : dispositionName(disposition);
  if (given) return safeName(given);
  return safeName(posix.basename(pathOf(url)));
}

function pathOf(url: string): string {
  const path = URL.parse(url)?.pathname ?? '';
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}

function safeName(text: string): string {
  const name = posix.basename(text.trim());
  const isName = name !== '' && name !== '.' && name !== '..' && !/\p{Cc}/u.test(name);
  return isName ? name : 'download';
}

/** The file name in a `content-disposition` header (RFC 6266): `filename*` goes before `filename`. */
export function dispositionName(header: string): string | undefined {
  let plain: string | undefined;
  let extended: string | undefined;
  for (const [, key = '', quoted, token] of header.matchAll(
    /;\s*([^\s=;]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s;]*))/g,
  )) {
    const value = quoted?.replace(/\\(.)/g, '$1') ?? token ?? '';
    if (/^filename$/i.test(key)) plain ??= value;
    else if (/^filename\*$/i.test(key)) extended ??= extendedValue(value);
  }
  const name = extended ?? plain;
  return name === undefined || name.endsWith('/') ? undefined : name;
}

/** `UTF-8''na%C3%AFve.txt` (RFC 8187). */
function extendedValue(value: string): string | undefined {
  const match = /^utf-8'[^']*'(.*)$/i.exec(value);
  try {
    return match === null ? undefined : decodeURIComponent(match[1]!);
  } catch {
    return undefined;
  }
}
