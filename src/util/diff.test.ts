import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { unifiedDiff } from './diff.ts';
import { fc } from './property.ts';

const directory = mkdtempSync(join(tmpdir(), 'stagecraft-diff-'));
after(() => rmSync(directory, { recursive: true }));

test('a diff shows what changed with three lines around it', () => {
  const before = '1\n2\n3\n4\n5\n6\n7\n8\n9';
  assert.equal(
    unifiedDiff(before, before.replace('5\n', 'five\n').replace('9', '9\n'), 'f'),
    '--- f\n+++ f\n@@ -2,8 +2,8 @@\n 2\n 3\n 4\n-5\n+five\n 6\n 7\n 8\n-9\n\\ No newline at end of file\n+9\n',
  );
  assert.equal(unifiedDiff(before, before, 'f'), '');
});

test('git makes the change that a diff tells', () => {
  const lines = fc.array(fc.constantFrom('a', 'b', 'c', 'd', ''), { maxLength: 30 });
  const text = fc.tuple(lines, fc.constantFrom('', '\n')).map(([all, end]) => all.join('\n') + end);
  fc.assert(
    fc.property(text, text, (before, after) => {
      if (before === '' || after === '' || before === after) return;
      writeFileSync(join(directory, 'f'), before);
      const options = { cwd: directory, input: unifiedDiff(before, after, 'f') };
      execFileSync('git', ['apply', '--whitespace=nowarn', '-p0', '-'], options);
      assert.equal(readFileSync(join(directory, 'f'), 'utf8'), after);
    }),
    { numRuns: 40 },
  );
});
