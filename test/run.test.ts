import assert from 'node:assert/strict';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { withBusybox } from './support/busybox.ts';
import { needs } from './support/needs.ts';
import { run, tool } from './support/program.ts';
import { Workspace } from './support/workspace.ts';

suite('RUN', { skip: needs('busybox') }, () => {
  const work = new Workspace();
  const read = (directory: string, path: string): string => readFileSync(join(directory, path), 'utf8');

  test('commands come as shell lines, as words, as heredocs, and through SHELL', async () => {
    const files = await work.files(
      withBusybox(`FROM busybox AS work
ENV WHO=me
RUN echo "line $WHO" >>/log; \\
    # a comment between
    echo continued >>/log
RUN ["/bin/sh", "-c", "echo words $WHO >>/log"]
RUN <<END
echo heredoc $WHO >>/log
echo second >>/log
END
RUN <<"END" cat >>/log
given to cat, unexpanded: $WHO
END
RUN <<END
#!/bin/awk -f
BEGIN { print "by awk" >>"/log" }
END
SHELL ["/bin/busybox", "sh", "-e", "-c"]
RUN case $- in *e*) echo "shell: $0" >>/log; esac
FROM scratch
COPY --from=work /log /
`),
    );
    assert.deepEqual(read(files, 'log').trimEnd().split('\n'), [
      'line me',
      'continued',
      'words me',
      'heredoc me',
      'second',
      'given to cat, unexpanded: $WHO',
      'by awk',
      'shell: sh',
    ]);
  });

  test('user, directory, host name and a clean environment are what the Dockerfile says', async () => {
    const files = await work.files(
      withBusybox(`FROM busybox AS work
RUN mkdir -p /etc && echo app:x:1000:1001::/home/app:/bin/sh >/etc/passwd && printf 'app:x:1001:\\nextra:x:1002:app\\n' >/etc/group
ENV FIRST=1 SECOND="two words"
WORKDIR /deep/er
WORKDIR down
RUN chmod 777 .
USER app
RUN pwd >log; id >>log; env | grep -v -e HOSTNAME -e SHLVL -e PWD | sort >>log
FROM scratch
COPY --from=work /deep/er/down/log /
`),
      ['--build-arg', 'UNUSED=x'],
    );
    assert.deepEqual(read(files, 'log').trimEnd().split('\n'), [
      '/deep/er/down',
      'uid=1000(app) gid=1001(app) groups=1001(app),1002(extra)',
      'FIRST=1',
      'HOME=/home/app',
      'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
      'SECOND=two words',
    ]);
  });

  test('what a step removes or replaces is gone, also whole directories', async () => {
    const files = await work.files(
      withBusybox(`FROM busybox AS work
RUN mkdir -p /t/a /t/b /t/c && touch /t/a/1 /t/a/2 /t/b/1 /t/file && echo old >/t/c/same
RUN rm /t/a/1 && rm -r /t/b && mkdir /t/b && touch /t/b/new && rm /t/file && mkdir /t/file && echo new >/t/c/same
FROM scratch
COPY --from=work /t /t
`),
    );
    assert.deepEqual(
      ['a/1', 'a/2', 'b/1', 'b/new'].filter(path => existsSync(join(files, 't', path))),
      ['a/2', 'b/new'],
    );
    assert.ok(statSync(join(files, 't/file')).isDirectory());
    assert.equal(read(files, 't/c/same'), 'new\n');
  });

  test('a cache mount is there again in the next build, and never in the image', async () => {
    const dockerfile = (n: number): ReturnType<typeof withBusybox> =>
      withBusybox(`FROM busybox AS work
RUN --mount=type=cache,target=/cache,mode=0700,uid=5,gid=6 echo ${n} >>/cache/log && stat -c '%a %u:%g' /cache >/out && cat /cache/log >>/out
RUN ls -A / /cache 2>/dev/null | grep -e cache -e log >/left; true
FROM scratch
COPY --from=work /out /left /
`);
    await work.files(dockerfile(1));
    const files = await work.files(dockerfile(2));
    assert.equal(read(files, 'out'), '700 5:6\n1\n2\n');
    assert.equal(read(files, 'left'), '');
  });

  test('a secret is there for one step only: in no layer, config, history, progress or store', async () => {
    const value = 'correct-horse-battery-staple';
    const context = work.context(
      withBusybox(`FROM busybox
RUN --mount=type=secret,id=token,required cat /run/secrets/token | wc -c >/length
RUN --mount=type=secret,id=token,target=/etc/token,mode=0440,uid=3,gid=4 stat -c '%a %u:%g' /etc/token >/facts
RUN --mount=type=secret,id=variable,env=TOKEN echo \${#TOKEN} >/env-length
RUN if [ -s /run/secrets/token ] || [ -s /etc/token ] || [ -n "$TOKEN" ]; then exit 1; fi
`),
    );
    work.write(work.directory, { token: value });
    const secrets = ['--secret', `id=token,src=${work.path('token')}`, '--secret', 'id=variable,env=TOKEN'];
    const built = await work.build(context, ['-t', 'secretive', ...secrets], { env: { TOKEN: value } });
    assert.ok(!built.stderr.includes(value) && !built.stderr.includes(Buffer.from(value).toString('base64')));
    const saved = work.path('secretive.tar');
    await work.ok('save', '-o', saved, 'secretive');
    for (const place of [work.store, saved]) {
      const { code } = await run(['grep', '-rqaF', value, place]);
      // An ordinary user cannot read all of the store: grep then ends with 2.
      assert.notEqual(code, 0, `the secret must not be in ${place}`);
    }
    const other = await work.build(context, secrets, { env: { TOKEN: 'another' } });
    assert.ok(
      other.steps.every(({ cached }) => cached),
      'a secret is no part of a cache key',
    );
  });

  test('a required secret that nobody gave stops the build, and says which', async () => {
    const { code, message } = await work.tryBuild(
      withBusybox('FROM busybox\nRUN --mount=type=secret,id=absent,required true\n'),
    );
    assert.equal(code, 1);
    assert.match(message, /absent/);
  });

  test('tmpfs and bind mounts leave nothing behind', async () => {
    const files = await work.files({
      ...withBusybox(`FROM busybox AS other
RUN mkdir /o && echo other >/o/file
FROM busybox AS work
RUN --mount=type=tmpfs,target=/scratch,size=1m stat -f -c %T /scratch >/kind && touch /scratch/gone
RUN --mount=type=bind,target=/src cat /src/data/file >/from-context && if touch /src/x 2>/dev/null; then exit 1; fi
RUN --mount=type=bind,source=data,target=/src,rw echo changed >/src/file && touch /src/more
RUN --mount=type=bind,source=data,target=/src cat /src/* >/still
RUN --mount=type=bind,from=other,source=/o,target=/o cat /o/file >/from-stage
RUN ls -d /scratch /src /o 2>/dev/null >/left; ls -A /scratch /src /o 2>/dev/null | grep -v : >>/content; true
FROM scratch
COPY --from=work /kind /from-context /still /from-stage /content /
`),
      'data/file': 'context\n',
    });
    assert.equal(read(files, 'kind'), 'tmpfs\n');
    assert.equal(read(files, 'from-context'), 'context\n');
    assert.equal(read(files, 'still'), 'context\n');
    assert.equal(read(files, 'from-stage'), 'other\n');
    assert.equal(read(files, 'content').trim(), '');
  });

  test('--network=none is none, and the default one is the host\u2019s', async () => {
    const files = await work.files(
      withBusybox(`FROM busybox AS work
RUN --network=none ls /sys/class/net /proc/net/dev_mcast >/dev/null; cat /proc/net/dev | tail -n +3 | cut -d: -f1 | tr -d ' ' >/none
RUN cat /proc/net/dev | tail -n +3 | cut -d: -f1 | tr -d ' ' | sort >/host
FROM scratch
COPY --from=work /none /host /
`),
    );
    assert.equal(read(files, 'none'), 'lo\n');
    const host = readFileSync('/proc/net/dev', 'utf8').trim().split('\n').slice(2);
    assert.deepEqual(
      read(files, 'host').trim().split('\n'),
      host.map(line => line.split(':')[0]!.trim()).sort(),
    );
  });

  test('more than the usual needs the user\u2019s leave, before anything runs and whatever is cached', async () => {
    for (const [flag, right, command] of [
      ['--security=insecure', 'security.insecure', "grep -q '^CapEff:\\s*0*[1-9a-f]*ffff' /proc/self/status"],
      ['--network=host', 'network.host', 'ls /sys/class/net'],
    ] as const) {
      const context = work.context(withBusybox(`FROM busybox\nRUN echo first\nRUN ${flag} ${command}\n`));
      const refuse = async (): Promise<void> => {
        const { code, stderr } = await work.stagecraft(['build', '--progress=plain', context]);
        assert.equal(code, 1);
        assert.match(stderr, new RegExp(`asks for ${flag}, which the build does not allow`));
        assert.match(stderr, new RegExp(`>>> RUN ${flag}[^]*--allow ${right}`));
        assert.doesNotMatch(stderr, /^#\d+ \[.*RUN echo first$/m);
      };
      await refuse();
      await work.build(context, [`--allow=${right}`]);
      await refuse();
    }
    await work.build(withBusybox('FROM busybox\nRUN --network=host true\n'), ['--network=host']);
    const { message } = await work.tryBuild(withBusybox('FROM busybox\n'), ['--allow=all']);
    assert.match(message, /"all" of --allow is wrong/);
  });

  test('a step has the rights of Docker\u2019s default, and no more', async () => {
    const { log } = await work.build(
      withBusybox(`FROM busybox
RUN grep -E '^(CapEff|CapBnd|NoNewPrivs|Seccomp):' /proc/self/status; \\
    if mount -t tmpfs none /bin 2>/dev/null; then echo could mount; fi; \\
    if echo 1 2>/dev/null >/proc/sys/kernel/sysrq; then echo could change the kernel; fi
`),
    );
    assert.match(log, /^CapEff:\s+00000000a80425fb$/m);
    assert.match(log, /^CapBnd:\s+00000000a80425fb$/m);
    assert.match(log, /^Seccomp:\s+2$/m);
    assert.doesNotMatch(log, /could/);
  });

  test('a device that a step makes, or that comes in an archive, cannot be opened', {
    skip: needs('root', 'mknod', 'tar'),
  }, async () => {
    const context = work.context(
      withBusybox(`FROM busybox
ADD devices.tar /added/
RUN --mount=type=cache,target=/cache --mount=type=tmpfs,target=/tmpfs \\
    for dir in /plain /dev /cache /tmpfs; do mkdir -p $dir; mknod $dir/made c 1 3; done; \\
    for node in /plain/made /dev/made /cache/made /tmpfs/made /added/null; do \\
      [ -c $node ] && if (: >$node) 2>/dev/null; then echo could open $node; fi; \\
    done; echo x >/dev/null && echo looked
`),
    );
    await tool('mknod', join(context, 'null'), 'c', '1', '3');
    await tool('tar', '-C', context, '-cf', join(context, 'devices.tar'), 'null');
    const { log } = await work.build(context);
    assert.match(log, /looked/);
    assert.doesNotMatch(log, /could/);
  });

  test('a command that fails is told with its line, its exit code and its last words', async () => {
    const context = work.context(withBusybox('FROM busybox\nRUN echo last words; exit 42\n'));
    const { code, stderr } = await work.stagecraft(['build', '--progress=plain', context]);
    assert.equal(code, 1);
    assert.match(stderr, /Dockerfile:5\n(?:.*\n)*.*>>> RUN echo last words; exit 42/);
    assert.match(stderr, /exit code: 42/);
    assert.match(stderr, /^#\d+ [\d.]+ last words$/m);
  });

  test('an image with equal layers can be built on', async () => {
    const image = withBusybox(`FROM busybox
COPY file /x
RUN rm /x
COPY file /x
RUN rm /x
`);
    await work.build({ ...image, file: 'x' }, ['-t', 'equal']);
    await work.ok('prune', '--all', '--force');
    const { log } = await work.build({ Dockerfile: 'FROM equal\nRUN [ ! -e /x ] && echo gone\n' });
    assert.match(log, /gone/);
  });

  test('more than 128 layers work', async () => {
    const steps = Array.from({ length: 140 }, (_, n) => `COPY file /files/${n}`).join('\n');
    const files = await work.files({
      ...withBusybox(`FROM busybox AS deep
${steps}
RUN ls /files | wc -l >/count && touch /files/more
RUN ls /files | wc -l >>/count
FROM scratch
COPY --from=deep /count /
`),
      file: 'x',
    });
    assert.equal(read(files, 'count'), '140\n141\n');
  });
});
