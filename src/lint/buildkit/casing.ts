import type { FromInstruction, Instruction } from '../../dockerfile/types.ts';
import { buildkitPage } from '../pages.ts';
import { keywordRange, replacement } from '../places.ts';
import type { Edit, Rule, SyntaxSubject } from '../types.ts';

export const fromAsCasing: Rule<SyntaxSubject> = {
  name: 'FromAsCasing',
  description: "The 'as' keyword should match the case of the 'from' keyword",
  url: buildkitPage('FromAsCasing'),
  level: 'warning',
  check({ file }, report) {
    for (const { from } of file.stages) {
      const as = from.written?.as;
      // A FROM in mixed case is the other rule's matter.
      if (as === undefined || !(isLower(from.keyword) || isUpper(from.keyword))) continue;
      const meant = isLower(from.keyword) ? 'as' : 'AS';
      if (as === meant) continue;
      const edit = replacement(file, from.operands[1]!.range, as, meant);
      report({
        message: `'${as}' and '${from.keyword}' keywords' casing do not match`,
        range: from.range,
        fix: edit && { title: `Write ${meant}`, edits: [edit] },
      });
    }
  },
};

export const consistentInstructionCasing: Rule<SyntaxSubject> = {
  name: 'ConsistentInstructionCasing',
  description: 'All commands within the Dockerfile should use the same casing (either upper or lower)',
  url: buildkitPage('ConsistentInstructionCasing'),
  level: 'warning',
  check({ file }, report) {
    const instructions = file.stages.flatMap(({ from, instructions }) => [from, ...instructions]);
    const lower = instructions.filter(({ keyword }) => isLower(keyword)).length;
    const upper = instructions.filter(({ keyword }) => isUpper(keyword)).length;
    const majorityIsLower = lower > upper;
    const wrong = majorityIsLower ? (word: string) => !isLower(word) : (word: string) => !isUpper(word);
    for (const instruction of instructions) {
      const { keyword } = instruction;
      if (!wrong(keyword)) continue;
      const meant = majorityIsLower ? keyword.toLowerCase() : keyword.toUpperCase();
      const edits = recasings(instruction, meant, majorityIsLower).map(([range, from, to]) =>
        replacement(file, range, from, to),
      );
      const isWhole = edits.every((edit): edit is Edit => edit !== undefined);
      report({
        message: `Command '${keyword}' should match the case of the command majority (${majorityIsLower ? 'lowercase' : 'uppercase'})`,
        range: instruction.range,
        fix: isWhole ? { title: `Write ${meant}`, edits } : undefined,
      });
    }
  },
};

/** The keyword, and AS with it, lest the other rule complain next. */
function recasings(instruction: Instruction, keyword: string, isLowerCase: boolean) {
  const changes: [Edit['range'], string, string][] = [
    [keywordRange(instruction), instruction.keyword, keyword],
  ];
  const { written, operands } = instruction as FromInstruction;
  if (instruction.kind === 'FROM' && written && operands[1])
    changes.push([operands[1].range, written.as, isLowerCase ? 'as' : 'AS']);
  return changes;
}

function isLower(text: string): boolean {
  return text === text.toLowerCase();
}

function isUpper(text: string): boolean {
  return text === text.toUpperCase();
}
