import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isExcepted } from './exceptions.ts';

test('NO_PROXY means what it means to Docker', () => {
  const noProxy = 'example.com, .below.test,*.stars.test,10.0.0.0/8,192.0.2.7,fd00::/8,port.test:5000,';
  const direct = [
    'https://example.com',
    'https://registry.EXAMPLE.com',
    'http://a.below.test',
    'http://a.stars.test:81',
    'https://10.1.2.3:5000',
    'https://192.0.2.7',
    'https://[fd12::1]:5000',
    'http://port.test:5000',
    'http://localhost:5000',
    'http://127.0.0.9',
    'http://[::1]:5000',
  ];
  const proxied = [
    'https://badexample.com',
    'http://below.test',
    'http://11.1.2.3',
    'http://192.0.2.8',
    'https://[fe80::1]',
    'http://port.test',
    'https://registry.test',
  ];
  assert.deepEqual(
    direct.filter(url => !isExcepted(new URL(url), noProxy)),
    [],
  );
  assert.deepEqual(
    proxied.filter(url => isExcepted(new URL(url), noProxy)),
    [],
  );
  assert.ok(isExcepted(new URL('https://registry.test'), '*'));
});
