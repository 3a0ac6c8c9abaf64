import { buildkitPage } from '../pages.ts';
import { instructionsOf, replacement } from '../places.ts';
import type { Rule, SyntaxSubject } from '../types.ts';

export const maintainerDeprecated: Rule<SyntaxSubject> = {
  name: 'MaintainerDeprecated',
  description: 'The MAINTAINER instruction is deprecated, use a label instead to define an image author',
  url: buildkitPage('MaintainerDeprecated'),
  level: 'warning',
  check({ file }, report) {
    for (const instruction of instructionsOf(file)) {
      if (instruction.kind !== 'MAINTAINER') continue;
      const { keyword, range, original, maintainer } = instruction;
      const label = keyword === keyword.toLowerCase() ? 'label' : 'LABEL';
      const author = maintainer.replace(/["$\\`]/g, char => escaped(char, file.escape));
      const text = `${label} org.opencontainers.image.authors="${author}"`;
      const edit = author.includes('\n') ? undefined : replacement(file, range, original, text);
      report({
        message: 'Maintainer instruction is deprecated in favor of using label',
        range,
        fix: edit && { title: 'Name the author in a label instead of the config', edits: [edit] },
      });
    }
  },
};

/** Within double quotes, where only `"`, `$` and the escape character itself mean something. */
function escaped(char: string, token: string): string {
  return char === '"' || char === '$' || char === token ? token + char : char;
}
