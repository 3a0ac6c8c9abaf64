import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { errnoError, lastErrno, libc } from './libc.ts';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

test('a failed call is told by its own error, whatever the process did since', () => {
  const close = libc('int close(int fd)');
  for (let round = 0; round < 20; round++) {
    assert.equal(close(-1), -1);
    collectGarbage();
    rmSync('/nowhere', { force: true });
    assert.equal(lastErrno(), 'EBADF');
    const { code, errno, message } = errnoError('close');
    assert.deepEqual({ code, errno, message }, { code: 'EBADF', errno: -9, message: 'EBADF: close' });
  }
});
