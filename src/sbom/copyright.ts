import { readText } from '../files/read.ts';
import type { FileTree } from '../snapshot/types.ts';
import { bytesFromText } from '../util/bytes.ts';

/**
 * The licences of a Debian package by its copyright file, as SPDX has them where it knows them: by the fields of the
 * machine-readable format 1.0, else by the texts in `/usr/share/common-licenses` that it points to.
 */
export function readCopyright(tree: FileTree, name: string): string[] {
  const text = readText(tree, bytesFromText(`/usr/share/doc/${name}/copyright`));
  if (text === undefined) return [];
  const isMachineReadable = /^Format(?:-Specification)?:/im.test(text.slice(0, 4096));
  const fields = isMachineReadable ? text.matchAll(/^License:[ \t]*(\S.*)$/gim) : [];
  const names = [...fields].map(([, license]) => expressionOf(license!.trim()));
  if (names.length === 0)
    for (const [, license] of text.matchAll(/\/usr\/share\/common-licenses\/([\w.+-]*[\w+])/g))
      names.push(spdxName(license!));
  return [...new Set(names)].sort();
}

/** A licence field: names with `and`, `or` and commas; `GPL-2+ with OpenSSL-exception` stays one name. */
function expressionOf(text: string): string {
  if (/\bwith\b/i.test(text)) return text;
  const words = text.split(/,?\s+(and\/or|and|or)\s+/i);
  if (words.some(word => /[\s,]/.test(word) && !/^and\/or$/i.test(word))) return text;
  const shown = words.map((word, i) => (i % 2 === 0 ? spdxName(word) : /^and$/i.test(word) ? 'AND' : 'OR'));
  const isMixed = shown.includes('AND') && shown.includes('OR');
  return isMixed ? text : shown.join(' ');
}

const others: Readonly<Record<string, string>> = {
  expat: 'MIT',
  artistic: 'Artistic-1.0-Perl',
  'apache-2': 'Apache-2.0',
  'mpl-1': 'MPL-1.0',
  'mpl-2': 'MPL-2.0',
};

/** The SPDX name of a licence that Debian calls otherwise; else the name as it is. */
function spdxName(name: string): string {
  const gnu = /^(A?GPL|LGPL|GFDL)(?:-?v?(\d(?:\.\d)?)(?:\.0)?)(\+|-only|-or-later)?$/i.exec(name);
  if (gnu) {
    const [, family, version, later] = gnu;
    const whole = version!.includes('.') ? version! : `${version}.0`;
    return `${family!.toUpperCase()}-${whole}-${later === '+' || later === '-or-later' ? 'or-later' : 'only'}`;
  }
  return (
    others[name.toLowerCase()] ??
    name.replace(/^(BSD-\d)-clauses?/i, (_, bsd: string) => `${bsd.toUpperCase()}-Clause`)
  );
}
