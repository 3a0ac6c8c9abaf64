import { posix } from 'node:path';
import { PatternMatcher } from '../../dockerfile/pattern-matcher.ts';
import { goQuote } from '../../util/go-text.ts';
import { buildkitPage } from '../pages.ts';
import type { PlanSubject, Rule } from '../types.ts';

export const copyIgnoredFile: Rule<PlanSubject> = {
  name: 'CopyIgnoredFile',
  description: 'Attempting to Copy file that is excluded by .dockerignore',
  url: buildkitPage('CopyIgnoredFile'),
  level: 'warning',
  check({ stages, ignorePatterns }, report) {
    // With exceptions among the patterns, a directory may be left out and files of it be there.
    if (ignorePatterns.length === 0 || ignorePatterns.some(pattern => pattern.trim().startsWith('!'))) return;
    const matcher = new PatternMatcher(ignorePatterns);
    const ignoresRoot = ignorePatterns.some(pattern => /^(?:\*|\*\*|\*\*\/\*)$/.test(pattern.trim()));
    for (const { known, sources } of stages.flatMap(stage => stage.steps)) {
      if (known?.instruction.kind !== 'COPY' && known?.instruction.kind !== 'ADD') continue;
      const { instruction } = known;
      if (sources[0] !== undefined) continue;
      for (const source of instruction.sources) {
        if (instruction.kind === 'ADD' && isRemote(source)) continue;
        const path = clean(source);
        const isRoot = path === '.' || path === '/';
        if ((isRoot && !ignoresRoot) || !matcher.matches(path)) continue;
        const what = instruction.kind === 'ADD' ? 'Add' : 'Copy';
        report({
          message: `Attempting to ${what} file ${goQuote(path)} that is excluded by .dockerignore`,
          range: instruction.range,
        });
      }
    }
  },
};

/** The shortest path that means the same. */
function clean(path: string): string {
  const normal = posix.normalize(path);
  return normal.length > 1 ? normal.replace(/\/$/, '') : normal;
}

/** A download or a Git repository. */
function isRemote(source: string): boolean {
  return /^(?:https?|git|ssh):\/\/|^git@/.test(source);
}
