import assert from 'node:assert/strict';
import { test } from 'node:test';
import { GitFailure } from './git-command.ts';
import { explainGit } from './git-failures.ts';
import { parseRemote } from './git-remote.ts';
import { resolveAddress } from './git-submodules.ts';
import { isRecent } from './git-version.ts';

test('an address of a repository is taken apart, its password apart from the rest', () => {
  const basic = Buffer.from('user:p@ss').toString('base64');
  assert.deepEqual(parseRemote('https://user:p%40ss@host:8443/a/b.git'), {
    address: 'https://host:8443/a/b.git',
    basic,
    host: 'host:8443',
    kind: 'http',
  });
  assert.deepEqual(parseRemote('ssh://git:hidden@host:22/a'), {
    address: 'ssh://git@host:22/a',
    basic: undefined,
    host: 'host:22',
    kind: 'ssh',
  });
  assert.deepEqual(parseRemote('git@host:a/b.git'), {
    address: 'git@host:a/b.git',
    basic: undefined,
    host: 'host',
    kind: 'ssh',
  });
  assert.equal(parseRemote('git://host/a')?.kind, 'git');
  for (const other of ['file:///a', '/a', 'ext::sh -c x', '-oProxyCommand=x', 'a@-b:c', 'https://', ''])
    assert.equal(parseRemote(other), undefined, other);
});

test('what git says becomes a sentence that says what to do', () => {
  const remote = parseRemote('https://host/a.git')!;
  const said: [string, RegExp, RegExp?][] = [
    ["fatal: unable to access 'x': Could not resolve host: host", /the name of its host is unknown/],
    [
      "fatal: could not read Username for 'https://host': terminal prompts disabled",
      /needs a password/,
      /GIT_AUTH_TOKEN/,
    ],
    ["fatal: repository 'https://host/a.git/' not found", /no repository at that address/],
    [
      "fatal: unable to access 'x': server certificate verification failed. CAfile: none",
      /TLS fails/,
      /SSL_CERT_FILE/,
    ],
    ['Host key verification failed.\nfatal: Could not read from remote repository.', /shows another key/],
    ['hint: x\nfatal: something else.\n', /cannot be read: something else\.$/],
    ['', /cannot be read: git gives no reason\.$/],
  ];
  for (const [stderr, message, hint] of said) {
    const error = explainGit(new GitFailure(['fetch'], 128, stderr), remote) as Error & { hint?: string };
    assert.match(error.message, message);
    if (hint) assert.match(String(error.hint), hint);
  }
  const other = new Error('other');
  assert.equal(explainGit(other, remote), other);
});

test('a git that would read the configuration of its user is too old', () => {
  for (const old of ['git version 2.25.1', 'git version 2.31.9', 'git version 1.99', ''])
    assert.equal(isRecent(old), false, old);
  for (const recent of ['git version 2.32.0', 'git version 2.39.5 (Apple Git-154)', 'git version 3.0.0'])
    assert.equal(isRecent(recent), true, recent);
});

test('the address of a submodule is relative to that of its repository', () => {
  const cases: [string, string, string][] = [
    ['https://host/a/b.git', '../c.git', 'https://host/a/c.git'],
    ['https://host/a/b.git/', '../../c.git/', 'https://host/c.git'],
    ['https://host/a/b.git', './c.git', 'https://host/a/b.git/c.git'],
    ['https://host/a/b.git', 'git://other/c', 'git://other/c'],
    ['git@host:a/b.git', '../c.git', 'git@host:a/c.git'],
    ['git@host:b.git', '../c.git', 'git@host:c.git'],
    ['ssh://git@host:22/a/b', '../../c', 'ssh://git@host:22/c'],
  ];
  for (const [base, address, expected] of cases) assert.equal(resolveAddress(base, address), expected);
  assert.equal(parseRemote(resolveAddress('https://host/b.git', '../../../../etc')), undefined);
});
