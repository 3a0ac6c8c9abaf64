import assert from 'node:assert/strict';
import { test } from 'node:test';
import { unmarshal } from './graph.ts';
import { exec, file, git, http, marshal, type Tree } from './index.ts';

// The digests are those that BuildKit 0.32 gives to its own vertices for the Dockerfiles in the comments. Equal digests
// are equal bytes. (Versions up to 0.13, such as that of Docker Engine 26, wrote the same fields in another order.)

function digests(tree: Tree): string[] {
  return [...unmarshal(marshal(tree)).vertices.keys()];
}

const hello = file(undefined, [{ do: 'mkfile', path: 'A', mode: 0o644, data: Buffer.from('hello\n') }]);
const files = file(undefined, [{ do: 'copy', from: hello, src: 'A', dest: '/x/', createDestPath: true }]);

test('file operations have the digests that BuildKit gives them', () => {
  // FROM scratch
  // COPY <<A <<B /x/
  // WORKDIR /work
  // WORKDIR sub
  const there = file(undefined, [{ do: 'mkfile', path: 'B', mode: 0o644, data: Buffer.from('there\n') }]);
  const copied = file(undefined, [
    { do: 'copy', from: hello, src: 'A', dest: '/x/', createDestPath: true },
    { do: 'copy', from: there, src: 'B', dest: '/x/', createDestPath: true },
  ]);
  const work = file(copied, [{ do: 'mkdir', path: '/work', mode: 0o755, parents: true }]);
  const sub = file(work, [{ do: 'mkdir', path: '/work/sub', mode: 0o755, parents: true }]);
  assert.deepEqual(digests(sub), [
    'sha256:1be661ab552e744c2cdf4e54c8b3efd2c757389c0bfdd07b88ea63312577effd',
    'sha256:a1de090fb8793454506cc54af645d9d8bc9f0afb743727bcedd969cae7aba462',
    'sha256:9e17e7ba75c650242dc31ea95a0869d64ae05cd26177228346a4786fa7ef3816',
    'sha256:27bb0255a817dfe6e2b8c2914201280b85fc4e3cae3efe35d75a67ee48386b84',
    'sha256:61fc113f263e5da92358ff0df33b9ec947a21cbfb00edb0d12ab7d8efff8552b',
  ]);
});

test('a process with mounts, limits and a proxy has the digest that BuildKit gives it', () => {
  // FROM scratch AS files
  // COPY <<A /x/
  // FROM scratch
  // ENV N=2 B=1
  // ENV N=3
  // USER app:staff
  // WORKDIR /w
  // RUN --mount=type=cache,target=/c,id=i,sharing=locked,uid=3 --mount=type=tmpfs,target=/t,size=1m \
  //   --mount=type=bind,from=files,source=/x,target=f,rw --network=none echo x
  // COPY --from=files --chown=app:1 --chmod=4755 /x/*.txt /y z/
  // with --shm-size=64m --ulimit nofile=10:20 --add-host h:1.2.3.4 --build-arg HTTP_PROXY=http://p:1
  const workdir = file(undefined, [
    { do: 'mkdir', path: '/w', mode: 0o755, parents: true, owner: { user: 'app', group: 'staff' } },
  ]);
  const cache = file(undefined, [{ do: 'mkdir', path: '/cache', mode: 0o755, owner: { user: 3, group: 0 } }]);
  const run = exec(
    {
      root: workdir,
      args: ['/bin/sh', '-c', 'echo x'],
      env: ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', 'B=1', 'N=3'],
      cwd: '/w',
      user: 'app:staff',
      proxyEnv: { httpProxy: 'http://p:1' },
      network: 'none',
      extraHosts: [{ host: 'h', ip: '1.2.3.4' }],
      ulimits: [{ name: 'nofile', soft: 10, hard: 20 }],
      mounts: [
        { target: '/c', tree: cache, selector: '/cache', cache: { id: '/i', sharing: 'locked' } },
        { target: '/t', tmpfs: { size: 1 << 20 } },
        { target: '/w/f', tree: files, selector: '/x', discard: true },
        { target: '/dev/shm', tmpfs: { size: 64 << 20 } },
      ],
    },
    { platform: { os: 'linux', architecture: 'amd64' } },
  ).root;
  const owner = { user: 'app', group: 1 };
  const local = {
    followSymlinks: true,
    dirContentsOnly: true,
    allowWildcard: true,
    allowEmptyWildcard: true,
  };
  const common = {
    do: 'copy',
    from: files,
    dest: '/w/z/',
    createDestPath: true,
    mode: 0o4755,
    owner,
  } as const;
  const copy = file(run, [
    { ...common, ...local, src: '/x/*.txt' },
    { ...common, ...local, src: '/y' },
  ]);
  assert.deepEqual(digests(copy), [
    'sha256:b1190110089782df5b648a52099203513a275fecda56177432f6f32e80b05f37',
    'sha256:b9cf9a6c9cbf8712b620c7bae9946c0c58f510fb3a2389425ff8737cc4929fb6',
    'sha256:1be661ab552e744c2cdf4e54c8b3efd2c757389c0bfdd07b88ea63312577effd',
    'sha256:b57fb3e57f0083bfb7fda6681c47bb1f256122c186c1698b86a7ab03c883d68c',
    'sha256:41da5cf81a81cb79e09fc599dd1512353959e907f25acccd41fac859e6750e08',
    'sha256:b977304fba7fd72e33b9ec86bf5d0b7399316a796bca92a56e8b5ac6eb9c7c96',
  ]);
});

test('downloads and repositories have the digests that BuildKit gives them', () => {
  // ADD --checksum=sha256:00... http://127.0.0.1:1/some%20file.tar.gz?x=1 /d/
  const download = http('http://127.0.0.1:1/some%20file.tar.gz?x=1', {
    filename: 'some file.tar.gz',
    checksum: `sha256:${'0'.repeat(64)}`,
  });
  assert.deepEqual(digests(download), [
    'sha256:857f5358b32e1cc5126a8a37833ca0193d4f7c326bd9f644e54bdb27a6131de4',
  ]);
  // ADD --keep-git-dir=true https://127.0.0.1:1/org/r.git#v1:sub/dir /g
  const repository = git({
    remote: 'https://127.0.0.1:1/org/r.git',
    host: '127.0.0.1:1',
    path: '/org/r.git',
    ref: 'v1',
    subdir: 'sub/dir',
    keepGitDir: true,
  });
  assert.deepEqual(digests(repository), [
    'sha256:1e2bb448c50f29497a44155be2bed45968b31ef2594cf26ee5075e12cd839a8c',
  ]);
});
