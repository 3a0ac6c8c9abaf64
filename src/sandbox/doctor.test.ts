import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { examineMachine } from './doctor.ts';

describe('the examination of the machine', () => {
  let dir: string;
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'stagecraft-doctor-test-'));
  });
  afterEach(() => {
    rmSync(dir, { recursive: true });
    delete process.env.STAGECRAFT_SANDBOX;
  });

  it('says something of everything that steps need, and leaves nothing in the store', async () => {
    const checks = await examineMachine(join(dir, 'store/not/there/yet'));
    const names = checks.map(({ name }) => name);
    for (const name of ['kernel', 'util-linux', 'sandbox', 'seccomp', 'store', 'disk space', 'overlayfs'])
      assert.ok(names.includes(name), name);
    for (const { name, status, found, advice } of checks) {
      assert.ok(found !== '' && !found.endsWith('.'), name);
      if (status !== 'ok') assert.match(advice ?? '', /\.$/, `${name}: ${found}`);
    }
    assert.deepEqual(readdirSync(dir), []);
  });

  it('tells of a rung that is asked for but unknown', async () => {
    process.env.STAGECRAFT_SANDBOX = 'jail';
    const sandbox = (await examineMachine(dir)).find(({ name }) => name === 'sandbox')!;
    assert.equal(sandbox.status, 'fail');
    assert.match(sandbox.found, /jail/);
  });

  it('fails for a store on a file system that cannot hold one', {
    skip: !existsSync('/proc/sys'),
  }, async () => {
    const store = (await examineMachine('/proc/sys')).find(({ name }) => name === 'store')!;
    assert.equal(store.status, 'fail');
  });
});
