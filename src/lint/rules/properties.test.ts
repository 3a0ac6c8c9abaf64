// Whatever a Dockerfile says, a check finds something in it or nothing: it never fails, and points into the file.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { StagecraftError } from '../../util/errors.ts';
import { fc } from '../../util/property.ts';
import { runRules } from '../run.ts';
import { type Files, subjectOf } from '../testing.ts';
import type { PlanSubject } from '../types.ts';
import { planRules } from './plan.ts';
import { syntaxRules } from './syntax.ts';

const words = [
  ...[
    '.',
    '/',
    './',
    '*',
    '/*',
    '../..',
    'src',
    '"a b"',
    "'x",
    '"',
    '$A',
    '\\',
    '&&',
    '||',
    '|',
    ';',
    '(',
    ')',
    '`',
    '$(',
    '<<A',
  ],
  ...[
    '--from=a',
    '--from=0',
    '--from=b',
    '--exclude=.git',
    '--parents',
    '--link',
    '--mount=type=cache,target=/var/lib/apt',
  ],
  ...[
    'apt-get',
    'update',
    'install',
    '-y',
    'gcc',
    'npm',
    'ci',
    'pip',
    '-r',
    'requirements.txt',
    'cd',
    '/app',
    'exec',
    'sh',
    '-c',
  ],
  ...[
    'rm',
    '-rf',
    '/var/lib/apt/lists/*',
    'sudo',
    'env',
    'X=1',
    'go',
    'mod',
    'download',
    '["a","b"]',
    '["sh","-c","a b"]',
    '\\\n',
    '# x\n',
  ],
];
const keyword = fc.constantFrom(
  'RUN',
  'COPY',
  'ADD',
  'CMD',
  'ENTRYPOINT',
  'WORKDIR',
  'ENV A',
  'USER',
  'EXPOSE',
  'HEALTHCHECK CMD',
  'SHELL',
  'ARG',
  'ONBUILD RUN',
);
const line = fc
  .tuple(keyword, fc.array(fc.constantFrom(...words), { minLength: 1, maxLength: 8 }))
  .map(([first, rest]) => `${first} ${rest.join(' ')}\n`);
const from = fc.constantFrom(
  'FROM a:1 AS a\n',
  'FROM a AS b\n',
  'FROM scratch AS b\n',
  'FROM b\n',
  'FROM $A AS c\n',
  'FROM a@x\n',
);
const dockerfile = fc
  .array(fc.oneof({ weight: 5, arbitrary: line }, from), { maxLength: 12 })
  .map(lines => `ARG A=a:1\nFROM a:1 AS a\n${lines.join('')}`);

const files: Files = {
  'package.json': '{"devDependencies":[1],"scripts":3}',
  'package-lock.json': 'null',
  'requirements.txt': '\0',
  'src/.git/HEAD': 'x',
  '.npmrc': { link: '.npmrc' },
  'go.mod': { directory: true },
};

test('Any Dockerfile that can be planned is checked without an error', async () => {
  let planned = 0;
  await fc.assert(
    fc.asyncProperty(dockerfile, fc.boolean(), async (text, hasContext) => {
      let subject: PlanSubject;
      try {
        subject = await subjectOf(text, hasContext ? { files } : {});
      } catch (error) {
        if (error instanceof StagecraftError) return;
        throw error;
      }
      planned++;
      const { file } = subject;
      const found = [
        ...(await runRules(syntaxRules, { file, stages: file.stages, steps: [] })),
        ...(await runRules(planRules, subject)),
      ];
      const lines = text.split('\n').length;
      for (const { range, message } of found) {
        assert.ok(message.length < 1000 && range.start.line >= 1 && range.end.line <= lines, message);
      }
    }),
    { numRuns: 400 },
  );
  assert.ok(planned > 20, `only ${planned} could be planned`);
});
