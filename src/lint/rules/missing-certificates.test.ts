import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { makeElf } from '../../files/testing.ts';
import { type Files, findings, imageOf } from '../testing.ts';
import { missingCertificates as rule } from './missing-certificates.ts';

const curl = { mode: 0o755, content: makeElf({ interpreter: '/lib/ld.so', needed: ['libcurl.so.4'] }) };
const of = async (rest: string, tree: Files) =>
  findings(rule, await imageOf(`FROM scratch\nCOPY x /x\n${rest}`, tree));

test('A program that uses libcurl needs certificates', async () => {
  assert.deepEqual(await of('ENTRYPOINT ["/app"]\n', { app: curl }), [
    '3:1 /app uses libcurl, and the image has no CA certificates; copy /etc/ssl/certs/ca-certificates.crt from a stage that has the package ca-certificates',
  ]);
  assert.equal((await of('ENTRYPOINT ["/tini", "--", "/app"]\n', { app: curl, tini: curl })).length, 1);
});

test('Certificates in any of the usual places, or named by a variable, are fine', async () => {
  for (const path of [
    'etc/ssl/certs/ca-certificates.crt',
    'etc/pki/tls/certs/ca-bundle.crt',
    'etc/ssl/cert.pem',
    'etc/ssl/certs/a.0',
  ])
    assert.deepEqual(await of('CMD ["/app"]\n', { app: curl, [path]: 'x' }), [], path);
  assert.deepEqual(await of('ENV SSL_CERT_FILE=/run/ca.pem\nCMD ["/app"]\n', { app: curl }), []);
  assert.deepEqual(
    await of('CMD ["/app"]\n', { app: { mode: 0o755, content: makeElf({ needed: ['libssl.so.3'] }) } }),
    [],
  );
});

const skopeo = '/usr/bin/skopeo';
const skip = existsSync(skopeo) && existsSync('/usr/sbin/runc') ? false : 'needs skopeo and runc';

test('A Go program with an HTTP client needs them, one without does not', { skip }, async () => {
  const [client, other] = [skopeo, '/usr/sbin/runc'].map(path => ({
    mode: 0o755,
    content: readFileSync(path),
  }));
  const [found] = await of('CMD ["/app"]\n', { app: client! });
  assert.match(
    found!,
    /^3:1 \/app is a Go program with an HTTP client that checks certificates, and the image has no CA/,
  );
  assert.deepEqual(await of('CMD ["/app"]\n', { app: other! }), []);
});
