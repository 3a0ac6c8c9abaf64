import type { Dockerfile } from '../../dockerfile/types.ts';
import { buildkitPage } from '../pages.ts';
import { instructionsOf, lineOf } from '../places.ts';
import type { Edit, Rule, SyntaxSubject } from '../types.ts';

const name = 'NoEmptyContinuation';

/** The parser comes upon these; here they get their words. */
export const noEmptyContinuation: Rule<SyntaxSubject> = {
  name,
  description: 'Empty continuation lines will become errors in a future release',
  url: buildkitPage(name),
  level: 'warning',
  check({ file }, report) {
    for (const { rule, range } of file.warnings) {
      if (rule !== name) continue;
      const edits = emptyLines(file, range.start.line);
      report({
        message: 'Empty continuation line',
        range,
        fix: edits.length > 0 ? { title: 'Remove the empty lines', edits } : undefined,
      });
    }
  },
};

/** Takes out the empty lines of the instruction whose own lines, without here-documents, end at this one. */
function emptyLines(file: Dockerfile, last: number): Edit[] {
  const instruction = instructionsOf(file).find(
    ({ range }) => range.start.line <= last && last <= range.end.line,
  );
  const edits: Edit[] = [];
  for (let line = instruction?.range.start.line ?? last; line <= last; line++) {
    if (lineOf(file, line).trim() !== '') continue;
    const start = { line, column: 1 };
    edits.push({ range: { file: file.name, start, end: { line: line + 1, column: 1 } }, text: '' });
  }
  return edits;
}
