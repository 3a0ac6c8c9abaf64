import { StagecraftError } from '../util/errors.ts';
import type { Vulnerability } from './match.ts';

/** A vulnerability that is known not to matter. */
export interface Ignored {
  /** Any of its names. */
  readonly id: string;
  /** Only in this package. */
  readonly package?: string;
}

/**
 * Reads an ignore file: a name of a vulnerability a line, and behind it `package=NAME` and `exp:2027-01-31`, the day from
 * which it counts again. `#` begins a comment.
 * @throws StagecraftError `usage` with the line
 */
export function parseIgnored(text: string, file: string, now = Date.now()): Ignored[] {
  return text.split('\n').flatMap((line, i) => {
    const [id, ...rest] = line.replace(/#.*/, '').trim().split(/\s+/);
    if (!id) return [];
    let name: string | undefined;
    for (const word of rest) {
      const [, key, value = ''] = /^(package=|exp:)(.+)$/.exec(word) ?? [];
      const day = key === 'exp:' ? Date.parse(value) : 0;
      if (key === undefined || Number.isNaN(day))
        throw new StagecraftError('usage', `Line ${i + 1} of ${file} cannot be understood: ${word}.`, {
          hint: 'Write a line such as: CVE-2026-1234 package=openssl exp:2027-01-31 # why',
        });
      if (key === 'exp:' && day <= now) return [];
      if (key === 'package=') name = value;
    }
    return [{ id, ...(name !== undefined && { package: name }) }];
  });
}

export function isIgnored(vulnerability: Vulnerability, ignored: readonly Ignored[]): boolean {
  const { ids, package: where } = vulnerability;
  return ignored.some(
    each =>
      ids.includes(each.id) &&
      (each.package === undefined || [where.name, where.source?.name].includes(each.package)),
  );
}
