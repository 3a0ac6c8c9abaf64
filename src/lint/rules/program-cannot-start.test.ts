import assert from 'node:assert/strict';
import { test } from 'node:test';
import { makeElf } from '../../files/testing.ts';
import { type Files, findings, imageOf } from '../testing.ts';
import { programCannotStart as rule } from './program-cannot-start.ts';

const program = (options: Parameters<typeof makeElf>[0]) => ({ mode: 0o755, content: makeElf(options) });
const script = (content: string) => ({ mode: 0o755, content });
const loader = '/lib64/ld-linux-x86-64.so.2';
const base = 'FROM scratch\nCOPY x /x\n';

async function of(rest: string, tree: Files): Promise<string[]> {
  return findings(rule, await imageOf(base + rest, tree));
}

test('A program linked dynamically in an image without a loader is found', async () => {
  const tree = { app: program({ interpreter: loader, needed: ['libc.so.6'] }) };
  assert.deepEqual(await of('ENTRYPOINT ["/app"]\n', tree), [
    '3:1 ENTRYPOINT cannot be started in this image: /app is linked dynamically, and its loader /lib64/ld-linux-x86-64.so.2 is not there',
  ]);
  const musl = { ...tree, 'lib/ld-musl-x86_64.so.1': program({}) };
  assert.match((await of('CMD ["/app"]\n', musl))[0]!, /\(it was built for glibc, the image has musl\)$/);
  assert.deepEqual(await of('CMD ["/app"]\n', { app: program({}) }), []);
});

test('Libraries are looked for where the loader does, also those that libraries need', async () => {
  const tree: Files = {
    app: program({
      interpreter: loader,
      needed: ['liba.so.1', 'libc.so.6'],
      runpath: '$ORIGIN/lib:/opt/$LIB',
    }),
    'lib64/ld-linux-x86-64.so.2': program({ soname: 'ld-linux-x86-64.so.2' }),
    'usr/lib/x86_64-linux-gnu/libc.so.6': program({ needed: ['ld-linux-x86-64.so.2'] }),
    'lib/liba.so.1': program({ needed: ['libb.so.2', 'libc.so.6'] }),
  };
  assert.deepEqual(await of('CMD ["/app"]\n', tree), [
    '3:1 CMD cannot be started in this image: /app'.replace(
      '/app',
      '/app needs the library libb.so.2, which /lib/liba.so.1 needs, not to be found',
    ),
  ]);
  for (const [place, rest] of [
    ['usr/lib/libb.so.2', ''],
    ['lib/x86_64-linux-gnu/libb.so.2', ''],
    ['etc/../x/y/libb.so.2', 'ENV LD_LIBRARY_PATH=/a:/x/y\n'],
  ] as const)
    assert.deepEqual(await of(`${rest}CMD ["/app"]\n`, { ...tree, [place]: program({}) }), [], place);
  const configured = {
    ...tree,
    'etc/ld.so.conf': 'include /etc/ld.so.conf.d/*.conf\n',
    'etc/ld.so.conf.d/x.conf': '/opt/x # here\n',
  };
  assert.deepEqual(await of('CMD ["/app"]\n', { ...configured, 'opt/x/libb.so.2': program({}) }), []);
  const cached = { ...tree, 'etc/ld.so.cache': Buffer.from('ld.so-1.7.0\0libb.so.2\0/far/away/libb.so.2\0') };
  assert.deepEqual(await of('CMD ["/app"]\n', { ...cached, 'far/away/libb.so.2': program({}) }), []);
  // A library for another machine is none; RUNPATH is not for the libraries of libraries, RPATH is.
  assert.equal(
    (await of('CMD ["/app"]\n', { ...tree, 'usr/lib/libb.so.2': program({ machine: 183 }) })).length,
    1,
  );
  assert.equal((await of('CMD ["/app"]\n', { ...tree, 'opt/lib/libb.so.2': program({}) })).length, 1);
  const rpath = {
    ...tree,
    app: program({ interpreter: loader, needed: ['liba.so.1', 'libc.so.6'], rpath: '$ORIGIN/own' }),
  };
  assert.deepEqual(await of('CMD ["/app"]\n', { ...rpath, 'own/libb.so.2': program({}) }), []);
});

test('musl answers for its parts itself', async () => {
  const tree = {
    'bin/app': program({
      interpreter: '/lib/ld-musl-aarch64.so.1',
      needed: ['libc.musl-aarch64.so.1', 'libz.so.1', 'libpthread.so.0'],
    }),
    'lib/ld-musl-aarch64.so.1': program({}),
    'usr/local/lib/libz.so.1': program({}),
  };
  assert.deepEqual(await of('CMD ["app"]\n', tree), []);
  const { 'usr/local/lib/libz.so.1': _, ...without } = tree;
  assert.match(
    (await of('CMD ["app"]\n', without))[0]!,
    /\/bin\/app needs the library libz\.so\.1, not to be found$/,
  );
});

test('The file must be there, be executable and for this machine', async () => {
  const all: [string, Files, RegExp][] = [
    ['CMD ["/app"]', {}, /there is no \/app$/],
    ['WORKDIR /srv\nCMD ["./app"]', { app: script('#!/app') }, /there is no \/srv\/app$/],
    ['CMD ["server"]', { server: program({}) }, /there is no program "server" in its PATH$/],
    ['CMD ["/app"]', { 'app/x': '' }, /\/app is a directory$/],
    ['CMD ["/app"]', { app: { link: '/gone' } }, /\/app is a symlink to \/gone, which is not there$/],
    ['CMD ["/app"]', { app: makeElf({}) }, /\/app is not executable$/],
    [
      'CMD ["/app"]',
      { app: program({ machine: 183 }) },
      /\/app is a program for arm64, and the image is for amd64$/,
    ],
    [
      'CMD ["/app"]',
      { app: script('echo hi\n') },
      /\/app is a text without a first line such as #!\/bin\/sh$/,
    ],
    ['CMD /app', { app: program({}) }, /there is no \/bin\/sh, which the shell form needs$/],
    ['ENTRYPOINT ["/init", "--"]\nCMD ["/app"]', { init: script('x') }, /text without/],
    [
      'ENTRYPOINT ["/tini", "-e", "143", "--"]\nCMD ["/app", "x"]',
      { tini: program({}) },
      /there is no \/app$/,
    ],
  ];
  for (const [rest, tree, expected] of all) {
    const found = await of(`${rest}\n`, tree);
    assert.equal(found.length, 1, rest);
    assert.match(found[0]!, expected);
  }
});

test('A script needs its interpreter', async () => {
  const shell = { 'bin/sh': program({}) };
  assert.deepEqual(await of('CMD ["/run"]\n', { ...shell, run: script('#! /bin/sh -e\n') }), []);
  assert.match(
    (await of('CMD ["/run"]\n', { ...shell, run: script('#!/bin/bash\n') }))[0]!,
    /\/run is a script for \/bin\/bash, which is not there$/,
  );
  assert.match(
    (await of('CMD ["/run"]\n', { ...shell, run: script('#!/bin/sh\r\n') }))[0]!,
    /Windows line ends/,
  );
  const env = { 'usr/bin/env': program({}), run: script('#!/usr/bin/env -S node --test\n') };
  assert.match((await of('CMD ["/run"]\n', env))[0]!, /there is no program "node" in its PATH$/);
  assert.deepEqual(await of('CMD ["/run"]\n', { ...env, 'usr/local/bin/node': program({}) }), []);
  const broken = { 'bin/sh': program({ interpreter: loader }), run: script('#!/bin/sh\n') };
  assert.match((await of('CMD ["/run"]\n', broken))[0]!, /its loader .* is not there$/);
});

test('What a shell is told to run is looked for where all of it is plain', async () => {
  const shell = { 'bin/sh': program({}) };
  assert.match((await of('CMD exec /app --x\n', shell))[0]!, /there is no \/app$/);
  for (const cmd of ['exec $APP', 'cd /x && ls || /bin/sh', '. /env && true', '/app || /bin/sh'])
    assert.deepEqual(await of(`CMD ${cmd}\n`, shell), [], cmd);
});

test('A health check must be possible, too', async () => {
  const tree = { app: program({}), 'bin/sh': program({}) };
  const { app } = tree;
  const rest = (health: string) => `CMD ["/app"]\nHEALTHCHECK ${health}\n`;
  assert.deepEqual(await of(rest('CMD curl -f http://localhost/ || exit 1'), tree), [
    '4:1 HEALTHCHECK cannot be carried out in this image: there is no program "curl" in its PATH',
  ]);
  assert.match((await of(rest('CMD curl localhost'), { app }))[0]!, /there is no \/bin\/sh$/);
  assert.match((await of(rest('CMD ["wget", "x"]'), tree))[0]!, /there is no program "wget"/);
  for (const health of [
    'NONE',
    'CMD ["/app", "check"]',
    'CMD /app check || exit 1',
    'CMD curl localhost || /app',
  ])
    assert.deepEqual(await of(rest(health), tree), [], health);
});

test('What cannot be known is left alone', async () => {
  assert.deepEqual(await of('VOLUME /data\nCMD ["/data/run"]\n', {}), []);
  assert.deepEqual(await of('', {}), []);
  assert.deepEqual(
    await of('CMD ["/app"]\n', { app: { mode: 0o755, content: Buffer.from([0, 1, 2, 3]) } }),
    [],
  );
  assert.deepEqual(
    await of('CMD ["/app"]\n', {
      app: { link: '/app2' },
      app2: { link: '/bin/true' },
      'bin/true': program({}),
    }),
    [],
  );
});
