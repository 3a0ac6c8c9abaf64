import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { withBusybox } from './support/busybox.ts';
import { needs } from './support/needs.ts';
import { type Outcome, program, run, start } from './support/program.ts';
import { makeUser, needsUsers } from './support/users.ts';
import { type Files, list, Workspace } from './support/workspace.ts';

/** One message, no program text, and nothing but it on the last lines. */
function checkMessage({ code, signal, stderr }: Outcome, expected: RegExp): void {
  assert.equal(code, 1, `${signal ?? ''}\n${stderr}`);
  assert.equal(stderr.match(/^ERROR: /gm)?.length, 1, stderr);
  assert.match(stderr, expected);
  assert.doesNotMatch(stderr, /^ {4}at |did not foresee/m, stderr);
}

/** Waits until a process is in a new user namespace, and gives that all ids of the machine as they are. */
async function mapAllIds(pid: number): Promise<void> {
  const namespaceOf = (who: number | 'self'): string => readlinkSync(`/proc/${who}/ns/user`);
  while (namespaceOf(pid) === namespaceOf('self')) await sleep(10);
  for (const map of ['uid_map', 'gid_map']) writeFileSync(`/proc/${pid}/${map}`, '0 0 4294967295');
}

suite('bad input', () => {
  const work = new Workspace();

  /** Builds what cannot be built; the store must hold nothing of it. */
  async function refused(files: Files | string, expected: RegExp, ...args: string[]): Promise<Outcome> {
    const context = typeof files === 'string' ? files : work.context(files);
    const before = await work.ok('images', '-q', '--no-trunc');
    const outcome = await work.stagecraft(['build', '--progress=plain', '-t', 'never', ...args, context]);
    checkMessage(outcome, expected);
    assert.equal(await work.ok('images', '-q', '--no-trunc'), before);
    assert.deepEqual(list(work.path('store', 'ingest')), []);
    return outcome;
  }

  test('a server that cannot be reached is named with its line', async () => {
    const dockerfile = 'FROM scratch\nADD http://127.0.0.1:9/file /\n';
    await refused(
      { Dockerfile: dockerfile },
      /Dockerfile:2\n[\s\S]*ERROR: .*127\.0\.0\.1:9 cannot be reached/,
    );
    await refused('https://127.0.0.1:9/project.git', /ERROR: .*127\.0\.0\.1.*its host cannot be reached/);
  });

  test('a target that does not exist', async () => {
    await refused(
      { Dockerfile: 'FROM scratch AS build\nCOPY . /\n' },
      /biuld.*\n.*build/,
      '--target',
      'biuld',
    );
    await refused({ Dockerfile: 'FROM scratch AS build\nCOPY . /\n' }, /7/, '--target', '7');
  });

  test('a stage that does not exist, or comes later, or is the stage itself', async () => {
    const place = /Dockerfile:2\n(?:.*\n)*.*>>> COPY --from/;
    const named = { nowhere: 'nowhere', later: 'later', first: 'first', 0: 'first', 1: 'later', 9: '9' };
    for (const [from, name] of Object.entries(named)) {
      const dockerfile = `FROM scratch AS first\nCOPY --from=${from} /x /x\nFROM scratch AS later\nCOPY x /x\nFROM first\n`;
      const { stderr } = await refused({ Dockerfile: dockerfile, x: '' }, place);
      assert.match(stderr, new RegExp(`ERROR: .*${name}`));
    }
  });

  test('stages that stand on each other in a circle', async () => {
    await refused({ Dockerfile: 'FROM b AS a\nFROM a AS b\n' }, /ERROR: .*\bb\b/);
  });

  test('a base image that is not there', async () => {
    const expected = /Dockerfile:1\n(?:.*\n)*.*>>> FROM nowhere:1(?:.*\n)+ERROR: .*nowhere:1/;
    await refused({ Dockerfile: 'FROM nowhere:1\n' }, expected);
  });

  test('a context or a Dockerfile that is not there', async () => {
    await refused(work.path('no-such-directory'), /ERROR: .*no-such-directory.*does not exist/);
    await refused(work.context({ other: '' }), /ERROR: .*Dockerfile.*does not exist/);
    await refused(
      work.context({ Dockerfile: 'FROM scratch\n' }),
      /ERROR: .*missing\.Dockerfile/,
      '-f',
      'missing.Dockerfile',
    );
    const file = work.path('a-file');
    writeFileSync(file, '');
    await refused(file, /ERROR: .*a-file.*not a directory/);
  });

  test('a file that is not there, or that is ignored', async () => {
    const place = /Dockerfile:2\n(?:.*\n)*.*>>> COPY/;
    const ignore = { '.dockerignore': 'hidden\n', hidden: '' };
    for (const source of ['missing', 'hidden', 'missing/', 'dir/../missing']) {
      const { stderr } = await refused(
        { Dockerfile: `FROM scratch\nCOPY ${source} /to/\n`, ...ignore },
        place,
      );
      assert.match(stderr, /ERROR: .*(missing|hidden)/);
    }
  });

  test('a path that climbs out of the context', async () => {
    writeFileSync(work.path('outside'), 'outside');
    await refused(
      { Dockerfile: 'FROM scratch\nCOPY ../outside /x\n' },
      /Dockerfile:2\n(?:.*\n)*ERROR: .*outside/,
    );
    await refused({ Dockerfile: 'FROM scratch\nADD /etc/passwd /x\n' }, /ERROR: .*etc\/passwd/);
    const link = { Dockerfile: 'FROM scratch\nCOPY link /x\n', link: { link: work.path('outside') } };
    await refused(link, /ERROR: .*link/);
    const climbing = { Dockerfile: 'FROM scratch\nCOPY dir/outside /x\n', dir: { link: '..' } };
    await refused(climbing, /ERROR: .*outside/);
  });

  test('a Dockerfile that says nothing, or nonsense', async () => {
    await refused({ Dockerfile: '' }, /ERROR: .*Dockerfile has no instructions/);
    await refused({ Dockerfile: '# only\n\n' }, /ERROR: /);
    await refused({ Dockerfile: 'COPY . /\n' }, /Dockerfile:1/);
    await refused(
      { Dockerfile: 'FROM scratch\nCOPPY . /\n' },
      /Dockerfile:2\n(?:.*\n)*.*COPPY(?:.*\n)*.*COPY/,
    );
    await refused(
      { Dockerfile: 'FROM scratch\nCOPY --chwon=1 . /\n' },
      /Dockerfile:2\n(?:.*\n)*ERROR: .*chwon/,
    );
    await refused({ Dockerfile: 'FROM scratch\nCOPY onlyone\n' }, /Dockerfile:2\n/);
    await refused(
      { Dockerfile: 'FROM scratch\nRUN <<END\nnever ends\n' },
      /Dockerfile:2\n(?:.*\n)*ERROR: .*END/,
    );
    await refused({ Dockerfile: 'FROM scratch\nENV A="\u0024{A:?must be set}"\n' }, /ERROR: .*must be set/);
    await refused({ Dockerfile: Buffer.from([0, 1, 2, 255, 254]) }, /Dockerfile:1/);
  });

  test('a step whose program is not there, or that fails', { skip: needs('busybox') }, async () => {
    await refused({ Dockerfile: 'FROM scratch\nRUN ls\n' }, /Dockerfile:2\n(?:.*\n)*ERROR: .*\/bin\/sh/);
    await refused(withBusybox('FROM busybox\nRUN ["/no/program"]\n'), /ERROR: .*\/no\/program/);
    await refused(withBusybox('FROM busybox\nRUN exit 3\n'), /exit code: 3/);
    await refused(withBusybox('FROM busybox\nUSER nobody\nRUN true\n'), /ERROR: .*nobody/);
  });

  test('a store that cannot be written to', async () => {
    const context = work.context({ Dockerfile: 'FROM scratch\nCOPY . /\n' });
    writeFileSync(work.path('no-directory'), '');
    for (const root of [work.path('no-directory', 'store'), '/proc/stagecraft', '/sys/stagecraft']) {
      const outcome = await work.stagecraft(['build', context], { env: { STAGECRAFT_ROOT: root } });
      checkMessage(outcome, new RegExp(`ERROR: .*${root}`));
    }
  });

  test('an output that cannot be written leaves what was there', async () => {
    const context = work.context({ Dockerfile: 'FROM scratch\nCOPY . /\n' });
    writeFileSync(work.path('in-the-way'), 'kept');
    for (const type of ['oci', 'docker', 'tar', 'local']) {
      const place = work.path('in-the-way', 'x');
      const outcome = await work.stagecraft(['build', '-o', `type=${type},dest=${place}`, context]);
      checkMessage(outcome, /ERROR: .*in-the-way/);
    }
    assert.equal(readFileSync(work.path('in-the-way'), 'utf8'), 'kept');
  });

  test('a blob that was altered is noticed, and named', { skip: needs('busybox') }, async () => {
    const store = work.path('altered');
    const env = { STAGECRAFT_ROOT: store };
    await work.build({ Dockerfile: 'FROM scratch\nCOPY . /\n', a: 'a' }, ['-t', 'base'], { env });
    await work.stagecraft(['prune', '--all', '--force'], { env });
    const blobs = join(store, 'blobs/sha256');
    const [{ RootFS: fs }] = JSON.parse((await work.stagecraft(['inspect', 'base'], { env })).stdout);
    const manifest = JSON.parse((await run(['cat', join(store, 'index.json')])).stdout).manifests[0].digest;
    const text = (await run(['cat', join(blobs, manifest.slice(7))])).stdout;
    const layer: string = JSON.parse(text).layers[0].digest;
    assert.equal(fs.Layers.length, 1);
    const path = join(blobs, layer.slice(7));
    await run(['sh', '-c', `printf X | dd of=${path} bs=1 seek=40 conv=notrunc`]);
    const outcome = await work.stagecraft(
      ['build', '-o', work.path('never'), work.context(withBusybox('FROM base\nCOPY --from=base /a /b\n'))],
      { env },
    );
    checkMessage(outcome, /ERROR: .*sha256:/);
    assert.deepEqual(readdirSync(join(store, 'ingest')), []);
  });

  test('a disk that is full: the message says so, nothing stays, and with more room it goes on', {
    skip: needs('root', 'busybox', 'unshare', 'mount'),
  }, async () => {
    const store = work.path('small-disk');
    mkdirSync(store);
    const context = work.context({
      ...withBusybox('FROM busybox\nCOPY large /large\nRUN cp /large /again\n'),
      large: randomBytes(6 << 20),
    });
    // The disk is full for the database, a copy, a step's process, the packing of its layer; and then it is not.
    const sizes = ['100k', '4m', '12m', '18m', '200m'];
    const script = `mount -t tmpfs -o size=1m tmpfs ${store} || exit 99
      for size in ${sizes.join(' ')}; do
        mount -o remount,size=$size ${store}
        ${program} build --progress=plain -t app ${context} 2>${work.path('full')}-$size; echo "$size: $?"
        ls -A ${store}/ingest; ${program} images -q | wc -l
      done`;
    const { stdout, stderr } = await run(['unshare', '--mount', 'sh', '-c', script], {
      env: { STAGECRAFT_ROOT: store, XDG_CACHE_HOME: work.path('cache') },
    });
    assert.equal(stdout, '100k: 1\n0\n4m: 1\n0\n12m: 1\n0\n18m: 1\n0\n200m: 0\n1\n', stderr);
    for (const size of sizes.slice(0, -1)) {
      const told = readFileSync(`${work.path('full')}-${size}`, 'utf8');
      checkMessage({ code: 1, signal: null, stdout: '', stderr: told }, /no space left/i);
    }
  });

  test('a machine without user namespaces', {
    skip: needsUsers || needs('busybox', 'newuidmap'),
  }, async () => {
    const own = new Workspace(makeUser('subordinate'));
    const { uid, gid } = own.user!;
    // Inside a user namespace of its own, root may forbid all further ones for real.
    const forbid = 'echo 0 >/proc/sys/user/max_user_namespaces && exec setpriv "$@"';
    // What is started once the ids are there has root's rights in the namespace.
    const script = `read -r go && exec sh -c '${forbid}' sh --reuid ${uid} --regid ${gid} --clear-groups "$@"`;
    const context = own.context(withBusybox('FROM busybox\nRUN true\n'));
    const { child, outcome: ended } = start([program, 'build', '--progress=plain', context], {
      through: ['unshare', '--user', 'sh', '-c', script, 'sh'],
      env: { ...own.env(), HOME: own.user!.home },
      input: 'wait',
    });
    await mapAllIds(child.pid!);
    child.stdin!.end('go\n');
    const outcome = await ended;
    checkMessage(outcome, /ERROR: .*user namespaces/);
    assert.deepEqual(readdirSync(own.path('store', 'ingest')), []);
    assert.deepEqual(readdirSync(own.path('store', 'layers')), []);
  });
});
