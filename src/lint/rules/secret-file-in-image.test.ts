import assert from 'node:assert/strict';
import { test } from 'node:test';
import { check, findings, imageOf } from '../testing.ts';
import { secretFileCopied as rule, secretFileInImage, secretFileProbed } from './secret-file-in-image.ts';

const key = `-----BEGIN OPENSSH ${'PRIVATE'} KEY-----\nabc\n`;
const files = {
  'src/app.js': 'x',
  'deploy/id_ed25519': key,
  'deploy/id_ed25519.pub': 'ssh-ed25519 x',
  '.npmrc': '//registry.example/:_authToken=ab12cd34ef56\n',
  'node_modules/a/test.key': key,
};

test('Files with secrets that a COPY takes along are found', async () => {
  assert.deepEqual(await check(rule, 'FROM a:1\nWORKDIR /app\nCOPY . .\n', { files }), [
    '3:1 COPY takes .npmrc into the image, which holds a token of a package registry; leave it out by .dockerignore, and hand it to a RUN by --mount=type=secret',
    '3:1 COPY takes deploy/id_ed25519 into the image, which holds a private key; leave it out by .dockerignore, and hand it to a RUN by --mount=type=secret',
  ]);
  const kinds = {
    'tls/server.key': `-----BEGIN ${'PRIVATE'} KEY-----\n`,
    '.env': 'PORT=1\nexport API_TOKEN="k3j5h2k3j5h2"\n',
    '.aws/credentials': '[default]\naws_secret_access_key = wJalrXUtnFEMI\n',
    '.netrc': 'machine a login b password hunter22\n',
    'gcp-service-account.json': '{"private_key": "x"}',
    '.docker/config.json': '{"auths":{"a":{"auth":"dXNlcjpwYXNz"}}}',
  };
  assert.equal((await check(rule, 'FROM a:1\nADD * .env /app/\n', { files: kinds })).length >= 2, true);
  assert.equal((await check(rule, 'FROM a:1\nCOPY . /app\n', { files: kinds })).length, 6);
});

test('What is left out, harmless or only in a stage that is thrown away is fine', async () => {
  const harmless = {
    '.npmrc': `//registry.example/:_authToken=\${NPM_TOKEN}\nregistry=https://registry.example\n`,
    '.env': 'PORT=8080\nAPI_TOKEN=\nSECRET_KEY=changeme\n',
    '.env.example': 'API_TOKEN=k3j5h2k3j5h2\n',
    'ca.pem': '-----BEGIN CERTIFICATE-----\n',
    'x.key': 'a keyboard layout',
    'tests/server.key': key,
    'credentials.json': '{"installed":{"client_id":"x"}}',
  };
  assert.deepEqual(await check(rule, 'FROM a:1\nCOPY . .\n', { files: harmless }), []);
  assert.deepEqual(await check(rule, 'FROM a:1\nCOPY src .\nCOPY deploy/*.pub /k\n', { files }), []);
  assert.deepEqual(
    await check(rule, 'FROM a:1\nCOPY --exclude=**/id_* --exclude=.npmrc . .\n', { files }),
    [],
  );
  const ignoring = { ...files, '.dockerignore': 'deploy\n.npmrc\n' };
  assert.deepEqual(await check(rule, 'FROM a:1\nCOPY . .\n', { files: ignoring }), []);
  const thrown = 'FROM a:1 AS b\nCOPY . .\nFROM a:1\nCOPY --from=b /x /x\n';
  assert.deepEqual(await check(rule, thrown, { files }), []);
});

test('A secret in the built image is found, at what brought it', async () => {
  const tree = {
    'root/.ssh/id_ed25519': key,
    'usr/share/doc/x/server.key': key,
    'app/node_modules/a/test.pem': key,
    'etc/ssl/private/ca.pem': 'x',
  };
  const text = 'FROM a:1 AS keys\nRUN make-keys\nFROM a:1\nCOPY --from=keys /root /root\n';
  assert.deepEqual(await findings(secretFileInImage, await imageOf(text, tree)), [
    '4:1 /root/.ssh/id_ed25519 is in the image and holds a private key; hand it to the RUN that needs it by --mount=type=secret, or to the container when it runs',
  ]);
  const copied = await imageOf('FROM a:1\nCOPY . /app\n', { 'app/deploy/id_ed25519': key }, { files });
  assert.deepEqual(await findings(secretFileInImage, copied), []);
});

test('A build asks for the best known names only', async () => {
  assert.deepEqual(await check(secretFileProbed, 'FROM a:1\nCOPY . .\n', { files }), [
    '2:1 COPY takes .npmrc into the image, which holds a token of a package registry; leave it out by .dockerignore, and hand it to a RUN by --mount=type=secret',
  ]);
  const one = await check(secretFileProbed, 'FROM a:1\nCOPY deploy/id_* /k/\n', { files });
  assert.equal(one.length, 1);
  assert.deepEqual(await check(secretFileProbed, 'FROM a:1\nCOPY --exclude=.npmrc . .\n', { files }), []);
});
