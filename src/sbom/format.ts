import type { DocumentOptions } from './document.ts';
import type { Inventory } from './types.ts';

export type DocumentFormat = 'spdx-json' | 'cyclonedx-json';

/** A bill of materials; the same one each time. */
export async function formatDocument(
  format: DocumentFormat,
  inventory: Inventory,
  options: DocumentOptions,
): Promise<object> {
  if (format === 'spdx-json') return (await import('./spdx.ts')).toSpdx(inventory, options);
  return (await import('./cyclonedx.ts')).toCycloneDx(inventory, options);
}
