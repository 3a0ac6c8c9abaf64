import assert from 'node:assert/strict';
import { isIP } from 'node:net';
import { test } from 'node:test';
import { ipVersion } from './ip-address.ts';
import { fc } from './property.ts';

test('addresses of both versions are told from names and from nonsense', () => {
  for (const text of [
    '127.0.0.1',
    '255.255.255.255',
    '::1',
    'fe80::1',
    '2001:db8::8:800:200c:417a',
    '::ffff:1.2.3.4',
  ])
    assert.equal(ipVersion(text), isIP(text), text);
  for (const text of [
    '',
    'localhost',
    '256.1.1.1',
    '1.2.3',
    '01.2.3.4',
    '::g',
    '[::1]',
    '1::2::3',
    '::1]/x[',
  ])
    assert.equal(ipVersion(text), undefined, text);
});

test('it agrees with Node.js on addresses of every kind', () => {
  fc.assert(fc.property(fc.oneof(fc.ipV4(), fc.ipV6()), text => assert.equal(ipVersion(text), isIP(text))));
});
