import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readRights } from './rights.ts';

test('rights are read as BuildKit reads entitlements', () => {
  assert.deepEqual(readRights([]), { insecure: false, hostNetwork: false, devices: new Map() });
  assert.deepEqual(readRights(['security.insecure', 'network.host', 'device', 'device=a']), {
    ...{ insecure: true, hostNetwork: true, devices: 'all' },
  });
  const { devices } = readRights(['device=vendor/a=1', 'device=vendor/a=2,alias=gpu']);
  assert.deepEqual(
    devices,
    new Map([
      ['vendor/a=1', 'vendor/a=1'],
      ['gpu', 'vendor/a=2'],
    ]),
  );
  assert.throws(() => readRights(['network']), /"network" of --allow is wrong: there is no such right/);
  assert.throws(() => readRights(['device=a,name=b']), /it has no field name=b/);
  assert.throws(() => readRights(['device=']), /it names no device/);
});
