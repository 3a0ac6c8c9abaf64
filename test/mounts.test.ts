import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { withBusybox } from './support/busybox.ts';
import { Everyone } from './support/everyone.ts';
import { needs } from './support/needs.ts';
import { needsUsers, unreachableFor } from './support/users.ts';
import { type Files, list } from './support/workspace.ts';

const skip = needsUsers || needs('busybox');

suite('RUN --mount', { skip }, () => {
  const everyone = new Everyone(skip);
  const { root, many, one } = everyone;

  /** Targets of all kinds, and what a mount shows there; nothing of it may stay. */
  const project: Files = {
    ...withBusybox(`FROM busybox AS other
RUN mkdir -p /o/sub && echo other >/o/file && ln -s /o/file /o/link && ln -s sub /o/dirlink && echo deep >/o/sub/deep
FROM busybox AS base
COPY links /
RUN mkdir -p /real/dir /work /etc && ln -s /real /absolute && ln -s dir /real/relative && ln -s /made/by/mount /dangling && \\
    ln -s nowhere /real/gone && echo below >/real/file && \\
    echo below >/real/dir/below && chmod 1777 /work && touch -d 2001-01-01 /real /real/dir /work
FROM base AS work
ARG PLACE=variable
WORKDIR /work
RUN --mount=type=bind,source=data,target=/data \\
    --mount=type=bind,source=data/file,target=/real/file \\
    --mount=type=bind,source=data/link,target=/linked \\
    --mount=type=bind,from=other,source=/o/link,target=/olink \\
    --mount=type=bind,from=other,source=/o/dirlink,target=/odir \\
    cat /data/file /real/file /linked /olink /odir/deep | tr '\\n' ' ' && echo selectors
RUN --mount=type=bind,source=data,target=relative/place cat /work/relative/place/file && echo relative
RUN --mount=type=bind,source=data,target=/$PLACE cat /variable/file && echo variable
RUN --mount=type=bind,source=data,target=/absolute/in cat /real/in/file && echo absolute link
RUN --mount=type=bind,source=data,target=/real/relative ls /real/dir && echo relative link
RUN --mount=type=bind,source=data,target=/dangling ls -ld /made/by/mount/file /dangling/file && echo dangling directory
RUN --mount=type=bind,source=data/file,target=/real/gone cat /real/nowhere && echo dangling file
RUN cat /etc/resolv.conf /run/systemd/resolv.conf >/dev/null && echo resolv.conf
RUN --mount=type=tmpfs,target=/real/dir/in/deep --mount=type=bind,from=other,source=/o,target=/real/dir/in,rw \\
    cat /real/dir/in/file && ls -A /real/dir/in/deep && touch /real/dir/in/deep/x /real/dir/in/y && echo nested
RUN --mount=type=tmpfs,target=/same --mount=type=bind,source=data,target=/same/ ls /same && echo same target
RUN --mount=type=bind,source=data,target=/data,rw rm /data/file && echo new >/data/new && mkdir /data/sub && ls /data && echo thrown away
RUN --mount=type=bind,source=data,target=/data ls /data && ! rm /data/file 2>/dev/null && ! touch /data/x 2>/dev/null && echo untouched
RUN --mount=type=tmpfs,target=/small,size=1m df -k /small | tail -1 | awk '{print $2}' && \\
    ! dd if=/dev/zero of=/small/full bs=64k count=32 2>/dev/null && echo limited
USER 1000
RUN --mount=type=bind,source=data,target=/data --mount=type=tmpfs,target=/tmpfs \\
    cat /data/file && touch /tmpfs/x && echo as another user
USER 0
RUN rm /dangling /absolute /real/relative /real/gone && cat /real/file && ls /real/dir /run 2>&1
FROM scratch
COPY --from=work /real /real
COPY --from=work /work /work
`),
    'data/file': 'context\n',
    'data/link': { link: 'file' },
    'links/etc/resolv.conf': { link: '../run/systemd/resolv.conf' },
  };

  for (const { who, work, rung, skip: unreachable } of everyone.places) {
    const env = { STAGECRAFT_SANDBOX: rung };
    test(`goes where its target leads: ${who}`, { skip: unreachable }, async () => {
      const out = work.path(`out-${rung}`);
      const context = work.context(project);
      const { log } = await work.build(context, ['--no-cache-filter=work', '-o', out], { env });
      for (const line of [
        'context context context other deep selectors',
        'context\nrelative',
        'context\nvariable',
        'context\nabsolute link',
        'file\nlink\nrelative link',
        'dangling directory',
        'context\ndangling file',
        'resolv.conf',
        'other\nnested',
        'file\nlink\nsame target',
        'link\nnew\nsub\nthrown away',
        'file\nlink\nuntouched',
        '1024\nlimited',
        'context\nas another user',
      ])
        assert.match(log, new RegExp(`^${line}$`, 'm'), log);
      assert.match(log, /^below\n\/real\/dir:\nbelow$/m);
      assert.deepEqual(list(out), ['real', 'real/dir', 'real/dir/below', 'real/file', 'work']);
      assert.ok(existsSync(join(context, 'data/file')));
    });

    test(`secrets have owner and mode, and may be programs: ${who}`, {
      skip: unreachable,
    }, async () => {
      const context = work.context({
        ...withBusybox(`FROM busybox AS work
RUN --mount=type=secret,id=s cat /run/secrets/s && stat -c '%a %u:%g' /run/secrets/s
RUN --mount=type=secret,id=s,target=/etc/a/b,mode=0640,uid=7,gid=8 stat -c '%a %u:%g' /etc/a/b
RUN --mount=type=secret,id=s,mode=0500 /run/secrets/s
RUN --mount=type=secret,id=s,env=S,target=/both sh -c "$S" && cmp /both /both && echo both
RUN --mount=type=secret,id=s,target=relative [ ! -e /run/secrets/s ] && find / -xdev -name relative -type f
RUN --mount=type=secret,id=absent [ ! -e /run/secrets/absent ] && echo optional
RUN ls /run/secrets /etc/a /both 2>/dev/null || echo nothing left
USER 1000
RUN --mount=type=secret,id=s,uid=1000 cat /run/secrets/s
`),
        secret: '#!/bin/sh\necho ran\n',
      });
      const flags = ['--no-cache-filter=work', `--secret=id=s,src=${join(context, 'secret')}`];
      const { log } = await work.build(context, flags, { env });
      const owner = work === one ? '0:0' : '7:8';
      assert.match(
        log,
        new RegExp(`^400 0:0\\n640 ${owner}\\nran\\nran\\nboth\\n/relative\\noptional\\nnothing left$`, 'm'),
      );
    });

    test(`two builds share, lock or part a cache: ${who}`, {
      skip: unreachable,
    }, async () => {
      const id = `cache-${rung}`;
      // Each waits for the other in the shared cache, so both run at once; the locked one is then taken in turns.
      const meet = (name: string, other: string): string =>
        `touch /shared/${name}; n=0; until [ -e /shared/${other} ]; do n=$((n+1)); [ $n -lt 600 ] || exit 9; sleep 0.1; done`;
      const build = (name: string, other: string) =>
        work.build(
          withBusybox(`FROM busybox AS work
RUN --mount=type=cache,id=${id}-shared,target=/shared --mount=type=cache,id=${id}-private,target=/private,sharing=private \\
    touch /private/${name} && ${meet(name, other)} && echo "${name} private $(ls /private)"
RUN --mount=type=cache,id=${id}-locked,target=/locked,sharing=locked \\
    [ ! -e /locked/busy ] && touch /locked/busy && sleep 0.3 && rm /locked/busy && echo ${name} >>/locked/log && wc -l </locked/log
`),
          ['--no-cache-filter=work'],
          { env },
        );
      const [a, b] = await Promise.all([build('a', 'b'), build('b', 'a')]);
      assert.match(a.log, /^a private a$/m);
      assert.match(b.log, /^b private b$/m);
      const turns = [a, b].map(({ log }) => log.trim().split('\n').at(-1)).sort();
      assert.deepEqual(turns, ['1', '2']);
    });
  }

  test('a cache begins with what it is from, has its mode and owner, and can be read only', async () => {
    const { log } = await root.build(
      withBusybox(`FROM scratch AS nothing
FROM busybox AS seed
RUN mkdir -p /s/sub && echo seed >/s/sub/file && ln -s s/sub /link
FROM busybox
RUN --mount=type=cache,id=seeded,target=/c,from=seed,source=/s cat /c/sub/file && echo more >>/c/sub/file
RUN --mount=type=cache,id=seeded,target=/c,from=seed,source=/s,ro cat /c/sub/file && ! touch /c/x 2>/dev/null && echo read only
RUN --mount=type=bind,from=seed,source=/s,target=/s cat /s/sub/file && echo seed is as it was
RUN --mount=type=cache,target=/l,from=seed,source=/link ls /l
RUN --mount=type=cache,target=/empty,from=nothing ls -A /empty
RUN --mount=type=cache,target=/moded,mode=0711,uid=12,gid=34 stat -c '%a %u:%g' /moded
RUN --mount=type=cache,id=one,target=/x touch /x/here
RUN --mount=type=cache,id=one,target=/y ls /y
RUN --mount=type=cache,target=/one ls /one && echo another
`),
      ['--no-cache'],
    );
    assert.equal(
      log.trim(),
      'seed\nseed\nmore\nread only\nseed\nseed is as it was\nfile\n711 12:34\nhere\nanother',
    );
  });

  test('of what is not there is an error that names it, at its line', async () => {
    for (const mount of [
      'type=bind,source=missing,target=/x',
      'type=bind,from=busybox,source=/missing,target=/x',
      'type=cache,from=busybox,source=/missing,target=/x',
    ]) {
      const context = root.context(withBusybox(`FROM busybox\nRUN --mount=${mount} true\n`));
      const { code, stderr } = await root.stagecraft(['build', '--no-cache', context]);
      assert.equal(code, 1, mount);
      assert.match(stderr, /ERROR: .*\/missing/, mount);
      assert.match(stderr, />>> RUN --mount/, mount);
    }
  });

  test('of a directory on a file, or the other way round, is an error that says so', async () => {
    for (const [mount, reason] of [
      ['type=bind,source=busybox,target=/bin', 'A file cannot be mounted at /bin, which is a directory'],
      ['type=bind,target=/bin/sh', 'A directory cannot be mounted at /bin/sh, which is a file'],
      ['type=bind,from=busybox,source=/bin,target=/bin/sh', 'A directory cannot be mounted at /bin/sh'],
      ['type=cache,target=/bin/sh', 'A directory cannot be mounted at /bin/sh'],
      ['type=tmpfs,target=/bin/sh', 'A directory cannot be mounted at /bin/sh'],
    ]) {
      const { code, message } = await root.tryBuild(withBusybox(`FROM busybox\nRUN --mount=${mount} true\n`));
      assert.equal(code, 1);
      assert.ok(message.includes(reason!), message);
      assert.match(message, />>> RUN --mount/);
    }
  });

  test('a secret that is no text is a file, but no variable', async () => {
    const context = root.context(withBusybox('FROM busybox\nRUN --mount=type=secret,id=s,env=S true\n'));
    for (const bytes of [Buffer.from([0xff, 0xfe]), Buffer.from('a\0b')]) {
      root.write(context, { secret: bytes });
      const { code, stderr } = await root.stagecraft([
        'build',
        '--no-cache',
        `--secret=id=s,src=${join(context, 'secret')}`,
        context,
      ]);
      assert.equal(code, 1);
      assert.match(stderr, /The secret 's' cannot be a variable: it is not text in UTF-8/);
    }
  });

  test('an owner beyond a user\u2019s ids is an error that says so', {
    skip: skip || unreachableFor(many.user!),
  }, async () => {
    const context = many.context({
      ...withBusybox('FROM busybox\nRUN --mount=type=secret,id=s,uid=7000000 true\n'),
      secret: 's',
    });
    const { code, message } = await many.tryBuild(context, [`--secret=id=s,src=${join(context, 'secret')}`]);
    assert.equal(code, 1);
    assert.match(message, /The secret \/run\/secrets\/s shall belong to user 7000000/);
    assert.equal(readFileSync(join(context, 'secret'), 'utf8'), 's');
  });
});
