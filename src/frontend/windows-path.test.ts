import assert from 'node:assert/strict';
import { test } from 'node:test';
import { plan, resolverOf } from './testing.ts';

const windows = { os: 'windows', architecture: 'amd64' };
const planned = (lines: string) =>
  plan(`# escape=\`\nFROM base\n${lines}\n`, {
    targetPlatform: windows,
    resolveImage: resolverOf({ 'docker.io/library/base:latest': { ...windows, rootfs: undefined } }),
  });

test('paths of Windows count from the root of its drive, in the config with its separators', async () => {
  const { config, history, vertices } = await planned(
    'WORKDIR foo\nWORKDIR C:\\x\nWORKDIR bar/baz\nCOPY a b\nCOPY a C:\\y\\',
  );
  assert.equal(config.config?.WorkingDir, '\\x\\bar\\baz');
  assert.deepEqual(
    history.filter(text => text.includes('WORKDIR')).map(text => text.slice(2)),
    ['WORKDIR /foo', 'WORKDIR /x', 'WORKDIR /x/bar/baz'],
  );
  const copied = vertices.flatMap(({ op }) => (op.kind === 'file' ? op.actions : []));
  const text = JSON.stringify(copied, (_, value) => (typeof value === 'bigint' ? String(value) : value));
  assert.match(text, /"dest":"\/x\/bar\/baz\/b"/);
  assert.match(text, /"dest":"\/y\/"/);
});

test('another drive or machine is refused', async () => {
  for (const path of ['D:\\x', '\\\\host\\x', 'c:'])
    await assert.rejects(planned(`WORKDIR ${path}`), { code: 'dockerfile', message: /cannot be used/ });
});
