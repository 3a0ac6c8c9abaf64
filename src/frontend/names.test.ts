import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Env } from './env.ts';
import { parseGitRef } from './git-ref.ts';
import { parsePorts } from './ports.ts';

test('a repository is told from a path and a download', () => {
  assert.deepEqual(parseGitRef('https://host/a/b.git#v1:sub/dir'), {
    remote: 'https://host/a/b.git',
    host: 'host',
    path: '/a/b.git',
    ssh: false,
    ref: 'v1',
    subdir: 'sub/dir',
  });
  assert.deepEqual(parseGitRef('git@host.org:a/b#main'), {
    remote: 'git@host.org:a/b',
    host: 'host.org',
    path: 'a/b',
    ssh: true,
    ref: 'main',
  });
  assert.deepEqual(parseGitRef('https://h/r.git?tag=v2&subdir=x&keep-git-dir&submodules=false'), {
    remote: 'https://h/r.git',
    host: 'h',
    path: '/r.git',
    ssh: false,
    ref: 'refs/tags/v2',
    subdir: 'x',
    keepGitDir: true,
    submodules: false,
  });
  for (const text of [
    'https://host/file.tar.gz',
    'src/main.c',
    './a.git',
    'github.com/a/b',
    'c:\\x',
    'ftp://h/x.git',
  ]) {
    assert.equal(parseGitRef(text), undefined, text);
  }
  for (const text of [
    'https://h/r.git?tag=a&branch=b',
    'https://h/r.git?nope=1',
    'https://h/r.git?ref=a#b',
  ]) {
    assert.throws(() => parseGitRef(text), { name: 'StagecraftError' }, text);
  }
});

test('EXPOSE takes ports, ranges and protocols', () => {
  assert.deepEqual(parsePorts('80'), ['80/tcp']);
  assert.deepEqual(parsePorts('53/UDP'), ['53/udp']);
  assert.deepEqual(parsePorts('8000-8002'), ['8000/tcp', '8001/tcp', '8002/tcp']);
  assert.deepEqual(parsePorts('127.0.0.1:80:8080/sctp'), ['8080/sctp']);
  assert.deepEqual(parsePorts('[::1]:80:8080'), ['8080/tcp']);
  for (const word of ['', 'http', '80/icmp', '70000', '90-80', '1-2-3', 'x:80:80', '1-2:3-5', '/tcp', '-1']) {
    assert.throws(() => parsePorts(word), { name: 'StagecraftError', code: 'dockerfile' }, word);
  }
});

test('a variable that is set again moves to the end', () => {
  const env = Env.of(['A=1', 'B=2', 'C']).set('A', '3');
  assert.deepEqual(env.list(), ['B=2', 'C=', 'A=3']);
  assert.equal(env.get('A'), '3');
  assert.equal(env.without('A').get('A'), undefined);
});
