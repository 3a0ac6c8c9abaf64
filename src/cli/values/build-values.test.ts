import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { readChoice, readCount, readHost, readUlimit } from './limits.ts';
import { readOutputs } from './outputs.ts';
import { readLabels, readVariables } from './pairs.ts';
import { readProxies } from './proxies.ts';
import { readAgents, readSecret, readSsh } from './sources.ts';

test('variables are cut at the first sign; a name alone is taken from the environment or left out', () => {
  assert.deepEqual(readVariables('--build-arg', ['A=1=2', 'B', 'C', 'D='], { B: 'b' }), {
    A: '1=2',
    B: 'b',
    D: '',
  });
  assert.throws(() => readVariables('--build-arg', ['=x'], {}), /"=x" of --build-arg has no name/);
});

test('labels without a value are empty, whatever the environment has', () => {
  assert.deepEqual(readLabels('--label', ['PATH', 'a=b']), { PATH: '', a: 'b' });
});

test('secrets come from files and variables', () => {
  assert.deepEqual(readSecret('id=a,src=f', {}), { id: 'a', file: 'f' });
  assert.deepEqual(readSecret('type=file,id=a,source=f', {}), { id: 'a', file: 'f' });
  assert.deepEqual(readSecret('id=a,env=V', {}), { id: 'a', env: 'V' });
  assert.deepEqual(readSecret('id=a,type=env,src=V', {}), { id: 'a', env: 'V' });
  assert.deepEqual(readSecret('id=a,"src=with,comma"', {}), { id: 'a', file: 'with,comma' });
});

test('a secret without a source is the variable of its name, else the file', () => {
  assert.deepEqual(readSecret('id=a', { a: 'x' }), { id: 'a', env: 'a' });
  assert.deepEqual(readSecret('id=a', {}), { id: 'a', file: 'a' });
});

test('a secret that cannot be understood is an error that does not guess', () => {
  assert.throws(() => readSecret('src=f', {}), /it needs an id/);
  assert.throws(() => readSecret('id=a,path=f', {}), /it has no field path/);
  assert.throws(() => readSecret('id=a,type=vault', {}), /the type vault is neither file nor env/);
});

test('ssh agents', () => {
  assert.deepEqual(readSsh('default'), { id: 'default', paths: [] });
  assert.deepEqual(readSsh('work=/a,/b'), { id: 'work', paths: ['/a', '/b'] });
  assert.deepEqual(readSsh('=/a'), { id: 'default', paths: ['/a'] });
  assert.deepEqual(readSsh('x=/a,raw=true'), { id: 'x', paths: ['/a'], raw: true });
  assert.throws(() => readSsh('x=raw=true'), /raw=true takes one socket/);
  assert.throws(() => readSsh('x=/a,raw=maybe'), /maybe is neither true nor false/);
  assert.throws(() => readAgents(['default', '=/a']), /two --ssh with the ID 'default'/);
});

test('limits have a soft and a hard side', () => {
  assert.deepEqual(readUlimit('nofile=1024:2048'), { name: 'nofile', soft: 1024, hard: 2048 });
  assert.deepEqual(readUlimit('core=0'), { name: 'core', soft: 0, hard: 0 });
  assert.deepEqual(readUlimit('memlock=-1'), { name: 'memlock', soft: -1, hard: -1 });
  assert.throws(() => readUlimit('nofile=2:1'), /soft limit in "nofile=2:1" is above/);
  assert.throws(() => readUlimit('nofile=-1:1'), /above/);
  assert.throws(() => readUlimit('files=1'), /There is no limit files/);
  assert.throws(() => readUlimit('nofile'), /is not a limit/);
});

test('hosts are written with a colon or a sign, and with all kinds of addresses', () => {
  assert.deepEqual(readHost('a.b:10.0.0.1'), ['a.b', '10.0.0.1']);
  assert.deepEqual(readHost('a=::1'), ['a', '::1']);
  assert.deepEqual(readHost('a:[fe80::1]'), ['a', 'fe80::1']);
  assert.deepEqual(readHost('me:host-gateway'), ['me', '127.0.0.1']);
  assert.throws(() => readHost('a'), /not a host and its address/);
  assert.throws(() => readHost('a:b'), /not a host and its address/);
});

test('--push and --load are outputs of their own, unless there are such already', () => {
  const outputs = (push: boolean, load: boolean, ...output: string[]): string =>
    readOutputs({ output, push, load })
      .map(each => `${each.type}${each.push ? ' pushed' : ''}`)
      .join(', ');
  assert.equal(outputs(false, false), '');
  assert.equal(outputs(true, true), 'registry pushed, docker');
  assert.equal(outputs(true, false, 'type=image', 'out'), 'image pushed, local');
  assert.equal(outputs(true, false, 'type=oci,dest=x'), 'oci, registry pushed');
  assert.equal(outputs(false, true, 'type=docker'), 'docker');
  assert.equal(outputs(false, true, 'type=docker,dest=x'), 'docker, docker');
});

test('counts and choices', () => {
  assert.equal(readCount('--jobs', '3'), 3);
  for (const text of ['0', '-1', '1.5', 'many'])
    assert.throws(() => readCount('--jobs', text), /whole number/);
  assert.equal(readChoice('--network', 'none', ['host', 'none']), 'none');
  assert.throws(() => readChoice('--network', 'bridge', ['host', 'none']), /none of host, none/);
});

test('proxies come from the configuration of Docker, in upper and lower case', t => {
  const directory = mkdtempSync(join(tmpdir(), 'stagecraft-proxies-'));
  t.after(() => rmSync(directory, { recursive: true }));
  const env = { DOCKER_CONFIG: directory };
  assert.deepEqual(readProxies(env), {});
  const proxies = { default: { httpProxy: 'http://proxy:3128', noProxy: '', other: 'x' } };
  writeFileSync(join(directory, 'config.json'), JSON.stringify({ proxies }));
  assert.deepEqual(readProxies(env), { HTTP_PROXY: 'http://proxy:3128', http_proxy: 'http://proxy:3128' });
  writeFileSync(join(directory, 'config.json'), '{');
  assert.throws(() => readProxies(env), /config\.json is not JSON/);
});
