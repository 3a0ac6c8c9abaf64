import assert from 'node:assert/strict';
import { lstatSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { busyboxFile, withBusybox } from './support/busybox.ts';
import { Everyone } from './support/everyone.ts';
import { compareTrees, readImage } from './support/images.ts';
import { needs } from './support/needs.ts';
import { tool } from './support/program.ts';
import { awaitNoRemains } from './support/remains.ts';
import { needsUsers } from './support/users.ts';
import { type Files, list, type Workspace } from './support/workspace.ts';

const mark = 'stagecraft-rootless-test';

/** What an ordinary user can do as well as root, with subordinate ids. */
const project: Files = {
  ...withBusybox(`FROM busybox AS accounts
ENV MARK=${mark}
RUN mkdir -p /etc /home/app && echo app:x:1000:1001::/home/app:/bin/sh >/etc/passwd && chown 1000:1001 /home/app
FROM accounts AS build
WORKDIR /src
COPY --chown=app src .
USER app
RUN id -u >/home/app/who && cat file >/home/app/built && chmod 2750 /home/app
USER root
RUN rm -r /bin/w* && mkdir -m 1777 /tmp && mkfifo /fifo && ln /home/app/built /hard && ln -s hard /soft
RUN --mount=type=cache,target=/cache,uid=1000 --mount=type=tmpfs,target=/tmpfs touch /cache/x /tmpfs/y
FROM accounts
COPY --from=build /home /home
COPY --from=build --chown=12:34 --chmod=4755 /bin/busybox /suid
COPY --from=build /hard /soft /tmp /copied/
COPY --link src /linked
ADD archive.tar /unpacked/
RUN rm /bin/vi && chmod 711 /linked
`),
  'src/file': 'content\n',
  'src/deep/program': { content: '#!/bin/sh\n', mode: 0o755 },
};

/** What steps make as another user: with a single id there is no other user, so that all of it is root's. */
const madeAsUser = ['/copied/hard', '/copied/soft', '/home/app', '/home/app/built', '/home/app/who'];

const skip = needsUsers || needs('busybox', 'skopeo', 'umoci', 'getcap', 'setcap', 'tar', 'newuidmap');

suite('an ordinary user', { skip }, () => {
  const everyone = new Everyone(skip);
  const { root, many, one } = everyone;
  const unreachable = everyone.users[0]!.skip;

  /** The same files for all: with an archive that holds owners and file capabilities. */
  async function contextFor(work: Workspace): Promise<string> {
    const context = work.context(project);
    work.write(context, { 'packed/capable': { content: 'c', mode: 0o755 }, 'packed/owned': 'o' });
    await tool('setcap', 'cap_net_raw+ep', join(context, 'packed/capable'));
    await tool('chown', '77:78', join(context, 'packed/owned'));
    const flags = ['--xattrs', '--xattrs-include=security.*', '-C', join(context, 'packed')];
    await tool('tar', ...flags, '-cf', join(context, 'archive.tar'), 'capable', 'owned');
    await tool('find', context, '-exec', 'touch', '--no-dereference', '-d', '2010-01-01', '{}', '+');
    if (work.user) await tool('chown', '-R', `${work.user.uid}:${work.user.gid}`, context);
    return context;
  }

  async function imageOf(work: Workspace) {
    const layout = work.path('layout');
    const outputs = ['-o', 'type=image', '-o', `type=oci,tar=false,dest=${layout}`];
    await work.build(await contextFor(work), ['-t', 'app', ...outputs]);
    return readImage(layout, root.path(`unpacked-${work.user?.name ?? 'root'}`));
  }

  let reference: ReturnType<typeof imageOf> | undefined;

  for (const { who, work } of everyone.users) {
    test(`${who} makes the same image as root`, { skip: unreachable }, async () => {
      reference ??= imageOf(root);
      const [ours, theirs] = [await imageOf(work), await reference];
      const differing = compareTrees(ours.tree, theirs.tree).map(line => line.slice(0, line.indexOf(':')));
      assert.deepEqual(differing, work === one ? madeAsUser : []);
      assert.ok(
        theirs.tree.get('/unpacked/capable')!.includes('security.capability='),
        'the capability must be there',
      );
      const { history: _, rootfs: __, created: ___, ...ourConfig } = ours.config as Record<string, unknown>;
      const {
        history: ____,
        rootfs: _____,
        created: ______,
        ...theirConfig
      } = theirs.config as Record<string, unknown>;
      assert.deepEqual(ourConfig, theirConfig);
    });

    test(`${who} finds everything cached the second time, and needs no namespace for it`, {
      skip: unreachable,
    }, async () => {
      const context = work.context({ Dockerfile: 'FROM app\nCOPY file /\n', file: 'f' });
      await work.build(context, ['-t', 'second']);
      const through = ['strace', '-f', '-e', 'trace=unshare,clone,clone3', '-o', work.path('trace')];
      const { steps } = await work.build(context, ['-t', 'second'], needs('strace') ? {} : { through });
      assert.ok(steps.every(({ cached }) => cached));
      if (needs('strace')) return;
      assert.doesNotMatch(readFileSync(work.path('trace'), 'utf8'), /CLONE_NEWUSER/);
    });

    test(`${who} can run the image, save it, prune, and remove the store`, {
      skip: unreachable,
    }, async () => {
      const { stdout, stderr } = await work.stagecraft(['run', '--rm', 'app', 'cat', '/home/app/built']);
      assert.equal(stdout, 'content\n', stderr);
      const files = await work.files({ Dockerfile: 'FROM scratch\nCOPY --from=app /home /home\n' });
      assert.equal(
        statSync(join(files, 'home/app/built')).uid,
        work.user!.uid,
        'what is written out is the user\u2019s',
      );
      await work.ok('save', '-o', work.path('app.tar'), 'app');
      await work.ok('rmi', 'app', 'second');
      await work.ok('prune', '--all', '--force');
      assert.deepEqual(readdirSync(work.path('store', 'layers')), []);
      assert.deepEqual(readdirSync(work.path('store', 'ingest')), []);
      await work.ok('load', '-i', work.path('app.tar'));
      assert.equal(
        (await work.stagecraft(['run', '--rm', 'app', 'cat', '/linked/file'])).stdout,
        'content\n',
      );
    });

    test(`${who} leaves nothing behind when the build is killed or interrupted`, {
      skip: unreachable,
    }, async () => {
      const context = work.context(
        withBusybox(`FROM busybox\nENV MARK=${mark}\nRUN trap '' INT TERM; echo started; sleep 600\n`),
      );
      for (const [signal, code] of [
        ['SIGKILL', null],
        ['SIGINT', 130],
      ] as const) {
        const running = work.start(['build', '--progress=plain', '-t', 'never', context]);
        while (!running.stderr().includes(' started')) await sleep(20);
        running.child.kill(signal);
        assert.equal((await running.outcome).code, code, running.stderr());
        assert.deepEqual(await awaitNoRemains(work.store, mark), []);
      }
    });
  }

  test('with a single id is told so, once, and programs that become somebody else go on', {
    skip: unreachable,
  }, async () => {
    const context = one.context(
      withBusybox(`FROM busybox
RUN mkdir -p /etc && echo root:x:0:0::/:/bin/sh >/etc/passwd && echo app:x:1000:1000::/:/bin/sh >>/etc/passwd
RUN su app -c 'id -u' && touch /file && chown app /file && stat -c %U /file && cat "$APT_CONFIG"
RUN ! ls "$(dirname "$APT_CONFIG")"/* /run/stagecraft-* 2>/dev/null | grep -v apt.conf
`),
    );
    for (const sandbox of ['crun', 'runc', 'builtin'].filter(name => name === 'builtin' || !needs(name))) {
      const env = { STAGECRAFT_SANDBOX: sandbox };
      const { code, stderr } = await one.stagecraft(['build', '--progress=plain', '--no-cache', context], {
        env,
      });
      assert.equal(code, 0, stderr);
      assert.match(stderr, /^#\d+ [\d.]+ 0\n#\d+ [\d.]+ root\n#\d+ [\d.]+ APT::Sandbox::User "root";$/m);
      assert.equal(stderr.match(/WARN: Every user is root here/g)?.length, 1);
    }
    const { stderr } = await many.stagecraft([
      'build',
      '--progress=plain',
      many.context(withBusybox('FROM busybox\n')),
    ]);
    assert.doesNotMatch(stderr, /WARN/);
  });

  test('all of the store is the user\u2019s or of the ids that the user was given', {
    skip: unreachable,
  }, async () => {
    const { uid } = one.user!;
    const found = await tool('find', one.store, '!', '-uid', String(uid));
    assert.equal(found, '', 'a single id owns everything');
    for (const { uid, work } of [many, one].map(work => ({ work, uid: work.user!.uid })))
      assert.deepEqual(
        list(work.path('tmp')),
        [`stagecraft-${uid}`],
        'one empty directory, however many steps ran',
      );
    assert.notEqual(lstatSync(many.store).uid, 0);
    assert.ok(busyboxFile.length > 0);
  });
});
