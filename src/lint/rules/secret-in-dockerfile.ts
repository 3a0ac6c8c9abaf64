import type { Instruction } from '../../dockerfile/types.ts';
import { ownPage } from '../pages.ts';
import { findSecret } from '../secret-patterns.ts';
import type { Report, Rule, SyntaxSubject } from '../types.ts';

const name = 'SecretInDockerfile';

/**
 * A value in the Dockerfile that is a secret by its form. BuildKit's SecretsUsedInArgOrEnv goes by the names of
 * variables; this goes by values, wherever they stand.
 */
export const secretInDockerfile: Rule<SyntaxSubject> = {
  name,
  description: 'A secret in the Dockerfile is in the history of the image and of the repository',
  url: ownPage(name),
  level: 'warning',
  check({ file, stages }, report) {
    for (const instruction of file.metaArgs) look(instruction, report);
    for (const stage of stages) for (const instruction of stage.instructions) look(instruction, report);
  },
};

function look(instruction: Instruction, report: Report): void {
  const { kind } = instruction;
  for (const { text, range } of instruction.operands) {
    const found = findSecret(text);
    if (found !== undefined)
      report({
        message: `${kind} holds what looks like ${found.what}; replace it where it was issued, and hand the new one in by RUN --mount=type=secret`,
        range,
      });
  }
  if (!('heredocs' in instruction)) return;
  for (const { raw, range } of instruction.heredocs) {
    const found = findSecret(raw);
    if (found === undefined) continue;
    const line = range.start.line + raw.slice(0, found.index).split('\n').length - 1;
    report({
      message: `${kind} holds what looks like ${found.what}; replace it where it was issued, and hand the new one in by RUN --mount=type=secret`,
      range: { file: range.file, start: { line, column: 1 }, end: { line: line + 1, column: 1 } },
    });
  }
}
