import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { readEnvFile, readPort, readTmpfs, readVolume } from './container.ts';

test('ports are published on all addresses or on one', () => {
  assert.deepEqual(readPort('8080:80'), { address: undefined, hostPort: 8080, containerPort: 80 });
  assert.deepEqual(readPort('127.0.0.1:8080:80/tcp'), {
    address: '127.0.0.1',
    hostPort: 8080,
    containerPort: 80,
  });
  assert.deepEqual(readPort('[::1]:8080:80'), { address: '::1', hostPort: 8080, containerPort: 80 });
});

test('what cannot be published is an error', () => {
  assert.throws(() => readPort('80'), /is not HOSTPORT:PORT/);
  assert.throws(() => readPort('8080:80/udp'), /TCP only/);
  assert.throws(() => readPort('70000:80'), /There is no port 70000/);
  assert.throws(() => readPort('localhost:8080:80'), /is not an IP address/);
});

test('an address is not silently widened to all', () => {
  assert.throws(() => readPort('127.0.0.1:80:80'), /cannot be kept to one address/);
});

test('volumes are paths of this machine, writable unless they say ro', t => {
  const directory = mkdtempSync(join(tmpdir(), 'stagecraft-volume-'));
  t.after(() => rmSync(directory, { recursive: true }));
  const mount = { type: 'bind', source: directory, target: '/data', readonly: false };
  assert.deepEqual(readVolume(`${directory}:/data`), mount);
  assert.deepEqual(readVolume(`${directory}:/data:ro,z`), { ...mount, readonly: true });
  assert.deepEqual(readVolume('.:/data'), { ...mount, source: process.cwd() });
  assert.throws(() => readVolume(`${directory}/nothing:/data`), /does not exist/);
  assert.throws(() => readVolume('data:/data'), /no named volumes/);
  assert.throws(() => readVolume(`${directory}:data`), /is not SOURCE:TARGET/);
  assert.throws(() => readVolume(`${directory}:/data:rx`), /is not SOURCE:TARGET/);
});

test('an env file has variables, names to look up, comments and empty lines', t => {
  const path = join(mkdtempSync(join(tmpdir(), 'stagecraft-env-')), 'env');
  t.after(() => rmSync(join(path, '..'), { recursive: true }));
  writeFileSync(path, '# comment\n\nA=1 # kept\n  B=two\r\nC\nD\n');
  assert.deepEqual(readEnvFile(path, { C: 'see' }), { A: '1 # kept', B: 'two', C: 'see' });
  assert.throws(() => readEnvFile(`${path}.not`, {}), /does not exist/);
});

test('tmpfs takes an absolute path', () => {
  assert.deepEqual(readTmpfs('/run'), { type: 'tmpfs', target: '/run' });
  assert.throws(() => readTmpfs('run'), /not an absolute path/);
});
