import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { withBusybox } from './support/busybox.ts';
import { needs } from './support/needs.ts';
import { Workspace } from './support/workspace.ts';

suite('run', { skip: needs('busybox') }, () => {
  const work = new Workspace();
  const made = work.build(
    withBusybox(`FROM busybox
RUN mkdir -p /etc /data && echo app:x:1000:1000::/home/app:/bin/sh >/etc/passwd && chown 1000 /data
ENV GREETING=hello
WORKDIR /data
USER app
ENTRYPOINT ["/bin/sh", "-c"]
CMD ["echo $GREETING from $(pwd) as $(id -un)"]
`),
    ['-t', 'app'],
  );
  const run = async (...args: string[]) => {
    await made;
    return work.stagecraft(['run', '--rm', ...args]);
  };

  test('a container is what the image says, and what the flags say else', async () => {
    assert.equal((await run('app')).stdout, 'hello from /data as app\n');
    assert.equal((await run('-e', 'GREETING=good day', 'app')).stdout, 'good day from /data as app\n');
    assert.equal((await run('app', 'echo "$0" "$1"', 'one', 'two')).stdout, 'one two\n');
  });

  test('the exit code is the program\u2019s, or says why there is none', async () => {
    assert.equal((await run('app', 'exit 42')).code, 42);
    const missing = await run('--entrypoint', '/no/such/program', 'app');
    assert.equal(missing.code, 127, missing.stderr);
    assert.match(missing.stderr, /\/no\/such\/program/);
    const none = await work.stagecraft(['run', 'nothing:here']);
    assert.equal(none.code, 125);
    assert.match(none.stderr, /nothing:here/);
  });

  test('what a container writes is gone with it', async () => {
    assert.equal((await run('app', 'echo x >/data/file && ls')).stdout, 'file\n');
    assert.equal((await run('app', 'ls -A')).stdout, '');
  });

  test('standard input reaches the program, and its outputs stay apart', async () => {
    await made;
    const { stdout, stderr } = await work.stagecraft(
      ['run', '--rm', '-i', 'app', 'tr a-z A-Z; echo error >&2'],
      {
        input: 'given\n',
      },
    );
    assert.equal(stdout, 'GIVEN\n');
    assert.equal(stderr, 'error\n');
  });
});
