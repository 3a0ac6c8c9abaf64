import assert from 'node:assert/strict';
import { test } from 'node:test';
import { check } from '../testing.ts';
import { runsAsRoot as rule } from './runs-as-root.ts';

const images = { plain: { Cmd: ['sh'] }, safe: { Cmd: ['sh'], User: 'nonroot' }, empty: {} };
const of = (text: string, unknown: string[] = []) => check(rule, text, { images, unknown });

test('A program that runs as root is found', async () => {
  assert.deepEqual(await of('FROM plain\n'), ['1:1 The image runs as root: no USER says otherwise']);
  assert.deepEqual(await of('FROM plain\nUSER app\nRUN x\nUSER 0:0\n'), [
    '4:1 The image runs as root: its last USER is "0:0"',
  ]);
  for (const text of [
    'FROM safe\nUSER root\n',
    'FROM plain AS a\nUSER root\nFROM a\n',
    'FROM scratch\nCMD ["/a"]\n',
  ])
    assert.equal((await of(text)).length, 1, text);
});

test('Another user, an unknown base or no program at all are fine', async () => {
  for (const text of [
    'FROM plain\nUSER app\n',
    'FROM plain\nUSER 65532\n',
    'FROM safe\n',
    'FROM safe AS base\nFROM base\nCMD ["x"]\n',
    'FROM scratch\nCOPY a /a\n',
    'FROM plain\nRUN apt-get install -y gosu\nENTRYPOINT ["/entry.sh"]\n',
    'FROM plain\nENTRYPOINT ["su-exec", "app", "x"]\n',
    'FROM plain AS a\nFROM plain\nUSER app\n',
  ])
    assert.deepEqual(await of(text), [], text);
  assert.deepEqual(await of('FROM plain\n', ['plain']), []);
});
