import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, suite, test } from 'node:test';
import { cdiDirectories, DeviceRegistry, editsOf } from './registry.ts';
import { readSpec } from './spec.ts';

const directory = mkdtempSync(join(tmpdir(), 'stagecraft-cdi-'));
after(() => rmSync(directory, { recursive: true }));

function device(name: string, env: string): object {
  return { name, containerEdits: { env: [env] } };
}

function spec(more: object = {}): object {
  return { cdiVersion: '0.6.0', kind: 'vendor.example/gpu', devices: [device('0', 'A=1')], ...more };
}

/** Writes files by path, and reads the directories in their order. */
async function registryOf(files: Record<string, string | object>): Promise<DeviceRegistry> {
  const root = mkdtempSync(join(directory, 'root-'));
  const directories = new Set<string>();
  for (const [path, content] of Object.entries(files)) {
    const place = join(root, path);
    directories.add(join(place, '..'));
    mkdirSync(join(place, '..'), { recursive: true });
    writeFileSync(place, typeof content === 'string' ? content : JSON.stringify(content));
  }
  return DeviceRegistry.read([...directories, join(root, 'absent')]);
}

suite('the registry of devices', () => {
  const names = ({ devices }: DeviceRegistry): string[] => devices.map(({ name }) => name);

  test('takes JSON and YAML files and no others', async () => {
    const yaml =
      'cdiVersion: 0.6.0\nkind: vendor.example/nic\ndevices:\n- name: x\n  containerEdits: {env: ["N=1"]}\n';
    const registry = await registryOf({
      'a/x.json': spec(),
      'a/y.yaml': yaml,
      'a/z.yml': yaml,
      'a/README': 'no',
    });
    assert.deepEqual(names(registry), ['vendor.example/gpu=0', 'vendor.example/nic=x']);
    assert.deepEqual(registry.problems, []);
  });

  test('lets a later directory overrule, and none of two files in one', async () => {
    const later = spec({ devices: [device('0', 'A=2')] });
    const overruled = await registryOf({ 'a/x.json': spec(), 'b/x.json': later });
    assert.deepEqual(overruled.find('vendor.example/gpu=0')[0]?.edits.env, ['A=2']);
    const conflict = await registryOf({ 'a/x.json': spec(), 'a/y.json': later });
    assert.deepEqual(names(conflict), []);
    assert.match(conflict.problems.join(), /gpu=0 was left out: two files/);
  });

  test('tells what is wrong with a file, and goes on without it', async () => {
    for (const [content, reason] of [
      ['{', /was left out/],
      ['- a', /the file is no object/],
      [spec({ cdiVersion: 'new' }), /cdiVersion is no version/],
      [spec({ kind: 'gpu' }), /kind gpu is not VENDOR\/CLASS/],
      [spec({ devices: [] }), /it has no devices/],
      [spec({ devices: [device('a', 'A=1'), device('a', 'A=2')] }), /two of its devices have one name/],
      [spec({ devices: [device('-', 'A=1')] }), /the name - of a device is none/],
      [spec({ devices: [device('a', 'A')] }), /the variable A has no value/],
      [spec({ containerEdits: { netDevices: [] } }), /the field netDevices of containerEdits is not known/],
      [spec({ containerEdits: { deviceNodes: [{ path: 'dev' }] } }), /the path dev is not absolute/],
      [spec({ containerEdits: { deviceNodes: [{ path: '/d', type: 'x' }] } }), /cannot be of the type x/],
      [spec({ containerEdits: { hooks: [{ hookName: 'x', path: '/h' }] } }), /no hooks of the name x/],
    ] as const) {
      const registry = await registryOf({
        'a/x.json': content,
        'a/y.json': spec({ kind: 'other.example/gpu' }),
      });
      assert.deepEqual(names(registry), ['other.example/gpu=0'], String(reason));
      assert.match(registry.problems.join(), reason);
    }
  });

  test('looks where the environment says, or in the usual places', () => {
    assert.deepEqual(cdiDirectories({ STAGECRAFT_CDI_DIRS: '/a:/b' }), ['/a', '/b']);
    assert.deepEqual(cdiDirectories({}), ['/etc/cdi', '/var/run/cdi', '/etc/buildkit/cdi']);
  });
});

test('the edits of a file come once, before those of its first device', () => {
  const devices = readSpec(
    spec({ devices: [device('0', 'A=1'), device('1', 'B=1')], containerEdits: { env: ['COMMON=1'] } }),
    'file',
  );
  assert.deepEqual(editsOf(devices).env, ['COMMON=1', 'A=1', 'B=1']);
});
