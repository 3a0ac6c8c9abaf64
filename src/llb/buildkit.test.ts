import assert from 'node:assert/strict';
import { test } from 'node:test';
import { unmarshal } from './graph.ts';
import { exec, file, git, http, marshal, type Tree } from './index.ts';

// The digests are those that BuildKit (the one in Docker Engine 26.1.5) gave to its own vertices for the Dockerfiles in
// the comments, as `docker buildx build --progress=rawjson` prints them. Equal digests are equal bytes.

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
    'sha256:59736ce2fa3ae23a6c12429569828c867f3fa514253f46fc2ff8084e1627e8b2',
    'sha256:09319833ffbdfa3de2b9120db02d7f90cb9a07465c1aea5dc99b09ec2391bc49',
    'sha256:ce155b3e4f8da40350d31374df7994776aa698ab5ecc9f3b7196ed7e2b2d6fc6',
    'sha256:8be552a29441b14bdf9052ee893a8062920914efed691093a86644e01dc0c94d',
    'sha256:43ac2c6df28c83488a55ecc1433d0ee9c44252223c1d686e6624fcdbab5526d9',
  ]);
});

// Without secrets and SSH: that version gave their mounts the input 0, of which its own solver says that it is wrong.
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
    'sha256:9202432c031c91431aa950e516cf1465f14250ef2566e506256b82da55666f87',
    'sha256:6d7c0e021f63eac42956b633c81ff8861ba51e7bef313356d3ab1bf8a05279fd',
    'sha256:59736ce2fa3ae23a6c12429569828c867f3fa514253f46fc2ff8084e1627e8b2',
    'sha256:73d889cfadab86bbd26edf16c6b5850c400adeaf7a0075892c3da16062417f48',
    'sha256:6174a78e788844b4833f97328c2918afd3aa213fa7a576a68153019653f71225',
    'sha256:13ced7731b93fe884f868ed707043ff0a41b2a4d9ebb3823acba8ba891833d7d',
  ]);
});

test('downloads and repositories have the digests that BuildKit gives them', () => {
  // ADD --checksum=sha256:00... http://127.0.0.1:1/some%20file.tar.gz?x=1 /d/
  const download = http('http://127.0.0.1:1/some%20file.tar.gz?x=1', {
    filename: 'some file.tar.gz',
    checksum: `sha256:${'0'.repeat(64)}`,
  });
  assert.deepEqual(digests(download), [
    'sha256:a70eec90841a12fb025d921925c6cd6c064ab197b1ef821d4b7121cfd1e2b97b',
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
    'sha256:ff49fb3a1b9e9aa0ec2b12dc338d920f60506eede68dfff5bb0af90babbcceb8',
  ]);
});
