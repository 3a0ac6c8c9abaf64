import { goQuote } from '../../util/go-text.ts';
import { buildkitPage } from '../pages.ts';
import { replacement } from '../places.ts';
import type { Rule, SyntaxSubject } from '../types.ts';

export const stageNameCasing: Rule<SyntaxSubject> = {
  name: 'StageNameCasing',
  description: 'Stage names should be lowercase',
  url: buildkitPage('StageNameCasing'),
  level: 'warning',
  check({ file }, report) {
    for (const { from } of file.stages) {
      const name = from.written?.name ?? '';
      const lower = name.toLowerCase();
      if (name === lower) continue;
      const place = from.operands[2];
      const edit = place && replacement(file, place.range, name, lower);
      report({
        message: `Stage name '${name}' should be lowercase`,
        range: from.range,
        fix: edit && { title: `Call the stage ${lower}`, edits: [edit] },
      });
    }
  },
};

export const duplicateStageName: Rule<SyntaxSubject> = {
  name: 'DuplicateStageName',
  description: 'Stage names should be unique',
  url: buildkitPage('DuplicateStageName'),
  level: 'warning',
  check({ file }, report) {
    const seen = new Set<string>();
    for (const { name, from } of file.stages) {
      if (name === undefined) continue;
      if (seen.has(name))
        report({
          message: `Duplicate stage name ${goQuote(name)}, stage names should be unique`,
          range: from.range,
        });
      seen.add(name);
    }
  },
};

export const reservedStageName: Rule<SyntaxSubject> = {
  name: 'ReservedStageName',
  description: 'Reserved words should not be used as stage names',
  url: buildkitPage('ReservedStageName'),
  level: 'warning',
  check({ file }, report) {
    for (const { name, from } of file.stages)
      if (name === 'context' || name === 'scratch')
        report({
          message: `Stage name should not use the same name as reserved stage ${goQuote(name)}`,
          range: from.range,
        });
  },
};
