import assert from 'node:assert/strict';
import { test } from 'node:test';
import { check, fixed } from '../testing.ts';
import { shellSwallowsSignals as rule } from './shell-swallows-signals.ts';

const images = {
  plain: {},
  init: { Entrypoint: ['/usr/bin/tini', '--'] },
  cmd: { Cmd: ['/bin/sh', '-c', 'a; b'] },
};
const of = (text: string) => check(rule, text, { images });

test('A shell that is the first process is found', async () => {
  assert.deepEqual(await of('FROM plain\nENTRYPOINT node server.js\n'), [
    '2:1 ENTRYPOINT starts a shell, which keeps SIGTERM from the program: a stop waits, then kills; use the exec form, or "exec" before the command',
  ]);
  assert.deepEqual(await of('FROM plain\nCMD a | b\n'), [
    '2:1 CMD starts a shell, which keeps SIGTERM from the program: a stop waits, then kills; start the program in exec form, or by a script that ends in exec',
  ]);
  for (const text of [
    'FROM plain\nCMD ["sh", "-c", "migrate && serve"]\n',
    'FROM plain\nSHELL ["/bin/bash", "-c"]\nCMD serve\n',
    'FROM plain AS base\nENTRYPOINT serve\nFROM base\n',
    'FROM plain\nCMD ["x"]\nENTRYPOINT serve $PORT\n',
  ])
    assert.equal((await of(text)).length, 1, text);
});

test('The program itself, by exec form, exec or an init, is fine', async () => {
  for (const text of [
    'FROM plain\nENTRYPOINT ["node", "server.js"]\n',
    'FROM plain\nENTRYPOINT exec node server.js\n',
    'FROM plain\nCMD migrate && exec serve\n',
    'FROM plain\nCMD ["sh", "-c", "exec serve $PORT"]\n',
    'FROM plain\nCMD trap x TERM; while true; do exec serve; done\n',
    'FROM plain\nSHELL ["/usr/bin/tini", "--", "/bin/sh", "-c"]\nCMD serve\n',
    'FROM plain\nENTRYPOINT ["tini", "--"]\nCMD serve\n',
    'FROM init\nCMD serve\n',
    'FROM plain AS a\nCMD serve\nFROM plain\n',
    'FROM plain AS a\nCMD serve\nFROM a\nCMD ["serve"]\n',
    // What the base starts is not written here.
    'FROM cmd\n',
  ])
    assert.deepEqual(await of(text), [], text);
  assert.deepEqual(await check(rule, 'FROM plain\nCMD serve\n', { images, unknown: ['plain'] }), []);
});

test('Plain words become the exec form; else exec is put before the last program', async () => {
  const fix = (text: string) => fixed(rule, text, { images });
  assert.equal(
    await fix('FROM plain\nCMD node server.js "a b"\n'),
    'FROM plain\nCMD ["node", "server.js", "a b"]\n',
  );
  // There may be comments between the lines.
  assert.equal(
    await fix('FROM plain\nCMD node \\\n  # the server\n  server.js\n'),
    'FROM plain\nCMD exec node \\\n  # the server\n  server.js\n',
  );
  assert.equal(
    await fix('FROM plain\nCMD serve --port $PORT\n'),
    'FROM plain\nCMD exec serve --port $PORT\n',
  );
  assert.equal(
    await fix('FROM plain\nENTRYPOINT cd /a && \\\n  serve\n'),
    'FROM plain\nENTRYPOINT cd /a && \\\n  exec serve\n',
  );
  // The words of CMD would become arguments.
  assert.equal(
    await fix('FROM plain\nENTRYPOINT serve\nCMD ["x"]\n'),
    'FROM plain\nENTRYPOINT exec serve\nCMD ["x"]\n',
  );
});

test('Where neither is safe, nothing is changed', async () => {
  const { runRules } = await import('../run.ts');
  const { subjectOf } = await import('../testing.ts');
  for (const cmd of [
    'a | b',
    'a; b &',
    'while true; do a; done',
    'cd /x',
    'A=1 serve',
    '["sh", "-c", "a"]',
  ]) {
    const [found] = await runRules([rule], await subjectOf(`FROM plain\nCMD ${cmd}\n`, { images }));
    assert.ok(found, cmd);
    assert.equal(found.fix, undefined, cmd);
  }
});
