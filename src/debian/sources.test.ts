import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { readAptConfig } from './apt-config.ts';
import { type ArchiveRequest, findArchives, publicAddress } from './archive.ts';
import { findCredential, parseCredentials } from './credentials.ts';
import { findProxies } from './proxy.ts';
import { parseDeb822Sources, parseOneLineSources } from './sources.ts';

let apt: string;
beforeEach(() => {
  apt = mkdtempSync(join(tmpdir(), 'stagecraft-apt-'));
});
afterEach(() => rmSync(apt, { recursive: true }));

function write(name: string, text: string): void {
  mkdirSync(dirname(join(apt, name)), { recursive: true });
  writeFileSync(join(apt, name), text);
}

const request: ArchiveRequest = {
  suite: 'bookworm',
  components: ['main'],
  architecture: 'amd64',
  keyrings: [],
};

const find = (change: Partial<ArchiveRequest> = {}) =>
  findArchives({ ...request, ...change }, apt, readAptConfig(apt)).map(({ uri, suite }) => `${uri} ${suite}`);

describe('sources of apt', () => {
  test('in the one-line style', () => {
    const text = `
# deb http://commented.example/debian bookworm main
deb-src http://mirror.example/debian bookworm main
deb [arch=amd64,arm64 signed-by=/usr/share/keyrings/a.gpg check-valid-until=no] http://mirror.example/debian/ bookworm main contrib # note
deb http://other.example/debian sid main`;
    assert.deepEqual(parseOneLineSources(text), [
      {
        uri: 'http://mirror.example/debian',
        suite: 'bookworm',
        components: ['main', 'contrib'],
        architectures: ['amd64', 'arm64'],
        signedBy: ['/usr/share/keyrings/a.gpg'],
        checkValidUntil: false,
      },
      {
        uri: 'http://other.example/debian',
        suite: 'sid',
        components: ['main'],
        architectures: [],
        signedBy: [],
      },
    ]);
  });

  test('in the deb822 style, with several suites, an embedded key, and one switched off', () => {
    const text = `Types: deb deb-src
URIs: http://mirror.example/debian
# a comment
Suites: bookworm bookworm-updates
Components: main
Signed-By:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .
 abc
 -----END PGP PUBLIC KEY BLOCK-----

Types: deb
URIs: http://off.example/debian
Suites: bookworm
Components: main
Enabled: no
`;
    const sources = parseDeb822Sources(text);
    assert.deepEqual(
      sources.map(each => each.suite),
      ['bookworm', 'bookworm-updates'],
    );
    assert.deepEqual(sources[0]!.signedBy, [
      '-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nabc\n-----END PGP PUBLIC KEY BLOCK-----',
    ]);
  });
});

describe('the mirror', () => {
  const sources = `Types: deb
URIs: http://mirror.example/debian
Suites: bookworm bookworm-updates bookworm-backports
Components: main

Types: deb
URIs: http://mirror.example/security
Suites: bookworm-security
Components: main
`;

  test('is that of the suite, its updates and its security, but not of backports', () => {
    write('sources.list.d/debian.sources', sources);
    assert.deepEqual(find(), [
      'http://mirror.example/debian bookworm',
      'http://mirror.example/debian bookworm-updates',
      'http://mirror.example/security bookworm-security',
    ]);
  });

  test("of another suite is the machine's own, with guesses for updates and security", () => {
    write('sources.list.d/debian.sources', sources);
    assert.deepEqual(find({ suite: 'trixie' }), [
      'http://mirror.example/debian trixie',
      'http://mirror.example/debian trixie-updates',
      'http://mirror.example/security trixie-security',
    ]);
    const found = findArchives({ ...request, suite: 'trixie' }, apt, new Map());
    assert.deepEqual(
      found.map(each => each.optional),
      [false, true, true],
    );
  });

  test("of Debian comes before a vendor's own archive of the same suite", () => {
    write('sources.list.d/a.list', 'deb http://vendor.example/packages bookworm main\n');
    write('sources.list.d/debian.sources', sources);
    assert.equal(find()[0], 'http://mirror.example/debian bookworm');
  });

  test('can be named', () => {
    assert.deepEqual(find({ mirror: 'http://mirror.example/debian/' }), [
      'http://mirror.example/debian bookworm',
      'http://mirror.example/debian bookworm-updates',
      'http://mirror.example/debian-security bookworm-security',
    ]);
    assert.throws(
      () => find({ mirror: 'ftp://mirror.example/debian' }),
      /is not an http:, https: or file: URL/,
    );
  });

  test('missing in the configuration is an error that says what to do', () => {
    assert.throws(() => find(), { code: 'not-found', hint: 'Name one with --mirror URL.' });
  });

  test('may serve old states where apt allows that', () => {
    write('sources.list', 'deb http://mirror.example/debian bookworm main\n');
    assert.equal(findArchives(request, apt, readAptConfig(apt))[0]!.checkValidUntil, true);
    write('apt.conf.d/99snapshot', '// old\nAcquire { Check-Valid-Until "false"; };\n');
    assert.equal(findArchives(request, apt, readAptConfig(apt))[0]!.checkValidUntil, false);
  });

  test('is shown without its password', () => {
    assert.equal(
      publicAddress('https://user:secret@mirror.example/debian/'),
      'https://mirror.example/debian',
    );
  });
});

describe('proxies', () => {
  test('are those of apt before those of the environment, for a host before those for all', () => {
    write(
      'apt.conf.d/proxy',
      'Acquire::http::Proxy "http://proxy.example:3128"; Acquire::http { Proxy::local.example "DIRECT"; };\n# Acquire::http::Proxy "none";\n',
    );
    const config = readAptConfig(apt);
    const env = { http_proxy: 'http://other.example:1', no_proxy: 'mirror.example' };
    assert.deepEqual(findProxies('mirror.example', config, env), {
      HTTP_PROXY: 'http://proxy.example:3128',
      HTTPS_PROXY: 'http://proxy.example:3128',
    });
    assert.deepEqual(findProxies('local.example', config, env), {});
    assert.deepEqual(findProxies('mirror.example', new Map(), env), {
      HTTP_PROXY: 'http://other.example:1',
      NO_PROXY: 'mirror.example',
    });
  });
});

describe('credentials', () => {
  const entries = parseCredentials(
    '# mine\nmachine mirror.example/private login me password secret\nmachine http://plain.example:8080 login you password open\n',
  );
  const find = (address: string) => findCredential(new URL(address), entries);

  test('are sent to their host and path only, and never over plain HTTP unless the entry says so', () => {
    assert.equal(find('https://mirror.example/private/debian'), 'me:secret');
    assert.equal(find('https://mirror.example/public'), undefined);
    assert.equal(find('http://mirror.example/private/debian'), undefined);
    assert.equal(find('https://other.example/private'), undefined);
    assert.equal(find('http://plain.example:8080/debian'), 'you:open');
  });

  test('in the address itself come first', () => {
    assert.equal(find('https://a:b%40c@mirror.example/private'), 'a:b@c');
  });
});
