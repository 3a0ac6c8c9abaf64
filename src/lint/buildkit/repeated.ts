import type { StageInstruction } from '../../dockerfile/types.ts';
import { buildkitPage } from '../pages.ts';
import type { Rule, SyntaxSubject } from '../types.ts';

export const multipleInstructionsDisallowed: Rule<SyntaxSubject> = {
  name: 'MultipleInstructionsDisallowed',
  description: 'Multiple instructions of the same type should not be used in the same stage',
  url: buildkitPage('MultipleInstructionsDisallowed'),
  level: 'warning',
  check({ steps }, report) {
    for (const stage of steps) {
      const last = new Map<StageInstruction['kind'], StageInstruction>();
      for (const { instruction } of stage) {
        if (!/^(?:CMD|ENTRYPOINT|HEALTHCHECK)$/.test(instruction.kind)) continue;
        const before = last.get(instruction.kind);
        last.set(instruction.kind, instruction);
        // The place is that of the one which counts for nothing, the words are those of the one that came later.
        if (before)
          report({
            message: `Multiple ${instruction.keyword} instructions should not be used in the same stage because only the last one will be used`,
            range: before.range,
          });
      }
    }
  },
};
