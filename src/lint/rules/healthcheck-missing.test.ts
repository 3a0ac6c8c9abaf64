import assert from 'node:assert/strict';
import { test } from 'node:test';
import { check } from '../testing.ts';
import { healthcheckMissing as rule } from './healthcheck-missing.ts';

const images = {
  plain: { Cmd: ['sh'] },
  web: { Cmd: ['sh'], ExposedPorts: { '80/tcp': {} } },
  healthy: { Cmd: ['sh'], Healthcheck: { Test: ['CMD', 'x'] } },
};
const of = (text: string, unknown: string[] = []) => check(rule, text, { images, unknown });

test('A port without a health check is found', async () => {
  assert.deepEqual(await of('FROM plain\nEXPOSE 8080 80/udp\nCMD ["x"]\n'), [
    '2:1 The image exposes ports 80/udp, 8080/tcp and has no HEALTHCHECK; write one, or HEALTHCHECK NONE where something else looks after it',
  ]);
  assert.equal((await of('FROM web\n')).length, 1);
});

test('With a health check, also one that was switched off, or without a port there is nothing to say', async () => {
  for (const text of [
    'FROM plain\n',
    'FROM plain\nEXPOSE 80\nHEALTHCHECK CMD curl localhost\n',
    'FROM plain\nEXPOSE 80\nHEALTHCHECK NONE\n',
    'FROM healthy\nEXPOSE 80\n',
    'FROM plain AS a\nEXPOSE 80\nFROM plain\n',
    'FROM scratch\nEXPOSE 80\n',
  ])
    assert.deepEqual(await of(text), [], text);
  assert.deepEqual(await of('FROM plain\nEXPOSE 80\n', ['plain']), []);
});
