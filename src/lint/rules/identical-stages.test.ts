import assert from 'node:assert/strict';
import { test } from 'node:test';
import { check } from '../testing.ts';
import { identicalStages as rule } from './identical-stages.ts';

const final = 'FROM scratch\nCOPY --from=a /x /x\nCOPY --from=b /y /y\n';

test('Stages that make the same of the same are found', async () => {
  const text = `FROM debian:12 AS a\nWORKDIR /w\nRUN make\nFROM debian:12 AS b\nWORKDIR /w\nRUN make\n${final}`;
  assert.deepEqual(await check(rule, text), [
    '4:1 Stage "b" does just what stage "a" at line 1 does; use that one',
  ]);
});

test('The graph decides, not the text', async () => {
  const text = `ARG V=12\nFROM debian:$V AS a\nARG T=make\nRUN make\nFROM debian:12 AS b\nARG T=make\nRUN  make\n${final}`;
  assert.equal((await check(rule, text)).length, 1);
  const other = `FROM debian:12 AS a\nENV A=1\nRUN make\nFROM debian:12 AS b\nENV A=2\nRUN make\n${final}`;
  assert.deepEqual(await check(rule, other), []);
});

test('Stages that differ, in the config too, or that only give a base a name are fine', async () => {
  for (const text of [
    `FROM debian:12 AS a\nRUN make\nFROM debian:13 AS b\nRUN make\n${final}`,
    `FROM debian:12 AS a\nRUN make\nFROM a AS b\nRUN make\n${final}`,
    `FROM debian:12 AS a\nFROM debian:12 AS b\n${final}`,
    `FROM debian:12 AS a\nRUN make\nCMD ["web"]\nFROM debian:12 AS b\nRUN make\nCMD ["worker"]\n${final}`,
    // One that the target does not need.
    'FROM debian:12 AS a\nRUN make\nFROM debian:12 AS b\nRUN make\nFROM a\n',
  ])
    assert.deepEqual(await check(rule, text), [], text);
});
