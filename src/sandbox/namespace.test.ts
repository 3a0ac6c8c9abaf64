import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { blockingSetting } from './namespace.ts';

describe('a setting that forbids user namespaces', () => {
  const machine = (settings: Record<string, string>) => (path: string) => settings[path];

  it('is named with what undoes it', () => {
    const max = '/proc/sys/user/max_user_namespaces';
    const debian = '/proc/sys/kernel/unprivileged_userns_clone';
    assert.equal(blockingSetting(machine({ [max]: '0' }))?.path, max);
    const found = blockingSetting(machine({ [max]: '15000', [debian]: '0' }));
    assert.deepEqual([found?.path, found?.value], [debian, '0']);
    assert.match(found?.undo ?? '', /sysctl -w kernel\.unprivileged_userns_clone=1/);
  });

  it('is none where settings allow them, or do not exist', () => {
    assert.equal(blockingSetting(machine({ '/proc/sys/user/max_user_namespaces': '15000' })), undefined);
    assert.equal(blockingSetting(machine({})), undefined);
  });
});
