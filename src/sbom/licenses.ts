import parse from 'spdx-expression-parse';
import { digestHex, digestOf } from '../util/digest.ts';

/** Licences in the terms of SPDX. */
export interface Licensing {
  /** A license expression (SPDX 2.3, Annex D); nothing where no licence is known. */
  readonly expression?: string;
  /** Names of what the SPDX list does not have, by the reference that stands for it in the expression. */
  readonly references: ReadonlyMap<string, string>;
}

/** True for a valid SPDX license expression. */
export function isExpression(text: string): boolean {
  try {
    parse(text);
    return true;
  } catch {
    return false;
  }
}

/** One expression for licences that all hold. */
export function toLicensing(licenses: readonly string[]): Licensing {
  const references = new Map<string, string>();
  const parts = licenses.map(license => {
    if (isExpression(license)) return license;
    const reference = referenceOf(license);
    references.set(reference, license);
    return reference;
  });
  return parts.length === 0 ? { references } : { expression: allOf(parts), references };
}

/** One expression that holds where all of these do, with each licence once. */
export function allOf(expressions: readonly string[]): string {
  if (expressions.length === 1) return expressions[0]!;
  const parts = expressions.flatMap(each => {
    if (/\sOR\s/i.test(each)) return `(${each})`;
    return each.includes('(') ? each : each.split(/\s+AND\s+/i);
  });
  return [...new Set(parts)].join(' AND ');
}

/** `LicenseRef-` and what may stand there of the name; with a hash where that is not all of it. */
function referenceOf(name: string): string {
  const plain = name.replaceAll(/[^A-Za-z0-9.-]+/g, '-').slice(0, 60);
  const suffix = plain === name ? '' : `-${digestHex(digestOf(name)).slice(0, 8)}`;
  return `LicenseRef-${plain}${suffix}`;
}
