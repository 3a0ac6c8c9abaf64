import { buildkitPage } from '../pages.ts';
import { instructionsOf } from '../places.ts';
import type { Rule, SyntaxSubject } from '../types.ts';

export const invalidDefinitionDescription: Rule<SyntaxSubject> = {
  name: 'InvalidDefinitionDescription',
  description:
    'Comment for build stage or argument should follow the format: `# <arg/stage name> <description>`. If this is not intended to be a description comment, add an empty line or comment between the instruction and the comment.',
  url: buildkitPage('InvalidDefinitionDescription'),
  level: 'warning',
  experimental: true,
  check({ file }, report) {
    for (const instruction of instructionsOf(file)) {
      const comment = instruction.comments.at(-1);
      if (comment === undefined) continue;
      const names =
        instruction.kind === 'ARG'
          ? instruction.args.map(arg => arg.key)
          : instruction.kind === 'FROM' && instruction.stageName !== undefined
            ? [instruction.stageName]
            : [];
      if (names.length === 0 || names.includes(comment.split(' ', 1)[0]!)) continue;
      const example = names.length > 1 ? '<arg_key>' : names[0];
      report({
        message: `Comment for ${instruction.kind} should follow the format: \`# ${example} <description>\``,
        range: instruction.range,
      });
    }
  },
};
