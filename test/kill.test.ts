import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { withBusybox } from './support/busybox.ts';
import { needs } from './support/needs.ts';
import { tool } from './support/program.ts';
import { awaitNoRemains } from './support/remains.ts';
import { list, Workspace } from './support/workspace.ts';

const mark = 'stagecraft-kill-test';
const rounds = 20;

suite('kill -9 in the middle of builds', { skip: needs('busybox') }, () => {
  const work = new Workspace();
  const tree = Object.fromEntries(Array.from({ length: 300 }, (_, n) => [`tree/${n % 7}/${n}`, `${n}\n`]));
  /** Another one each time, so that every round has something to do; all kinds of work at once. */
  const project = (round: number) => ({
    ...withBusybox(`FROM busybox AS one
ENV MARK=${mark}
COPY tree /tree
RUN --mount=type=cache,target=/cache echo ${round} >>/cache/log; cat /tree/*/* | sort -n >/sorted; sleep 0.1; echo ${round} >>/sorted
FROM busybox AS two
ENV MARK=${mark}
RUN dd if=/dev/urandom of=/random bs=1M count=4 2>/dev/null; echo ${round}; sleep 0.1
RUN rm -r /bin/w* && mkdir /more && seq 1 1000 | while read n; do echo $n >/more/$n; done
FROM busybox
COPY --from=one /sorted /tree /one/
COPY --from=two /random /more /two/
RUN echo ${round} >/round
`),
    ...tree,
  });

  test(`${rounds} times at random moments: nothing is left, and the next build is right with no help`, async t => {
    await work.build(project(-1));
    const begun = performance.now();
    await work.build(project(0), ['-t', 'killed:0']);
    const duration = performance.now() - begun;
    let killed = 0;
    for (let round = 1; round <= rounds; round++) {
      const context = work.context(project(round));
      const running = work.start(['build', '-t', `killed:${round}`, context]);
      const moment = Math.random() * duration;
      await Promise.race([sleep(moment), running.outcome]);
      running.child.kill('SIGKILL');
      const { signal } = await running.outcome;
      if (signal === 'SIGKILL') killed += 1;
      assert.deepEqual(await awaitNoRemains(work.store, mark), [], `killed after ${moment.toFixed()} ms`);
    }
    t.diagnostic(`${killed} of ${rounds} builds were still running when they were killed`);
    assert.ok(killed > rounds / 4);

    const last = work.context(project(rounds));
    await work.build(last, ['-t', 'after', '-o', `type=oci,tar=false,dest=${work.path('layout')}`]);
    const clean = new Workspace();
    await clean.build(last, ['-o', clean.path('files')]);
    await work.build(last, ['-o', work.path('files')]);
    const [ours, theirs] = [work.path('files'), clean.path('files')];
    assert.deepEqual(list(ours), list(theirs));
    // What is random in the two is excluded.
    await tool('diff', '-r', '--no-dereference', '--exclude', 'random', ours, theirs);
  });

  test('a build that waits for the work of one that is killed does it itself', async () => {
    const slow = withBusybox(`FROM busybox
ENV MARK=${mark}
RUN --mount=type=cache,id=tries,target=/tries echo try >>/tries/log; echo begun; sleep 1; cp /tries/log /log
FROM scratch
COPY --from=1 /log /
`);
    const first = work.start(['build', '--progress=plain', work.context(slow)]);
    while (!first.stderr().includes(' begun')) await sleep(20);
    const second = work.files(slow);
    await sleep(200);
    first.child.kill('SIGKILL');
    await first.outcome;
    assert.equal(readFileSync(join(await second, 'log'), 'utf8'), 'try\ntry\n');
  });

  test('the store is whole: images are read by others, and prune leaves no draft', async () => {
    if (needs('skopeo') === false) {
      const copy = work.path('copy');
      await tool('skopeo', '--insecure-policy', 'copy', `oci:${work.path('layout')}:latest`, `dir:${copy}`);
    }
    const ids = (await work.ok('images', '-q')).trim().split('\n');
    for (const id of new Set(ids)) await work.ok('save', '-o', work.path('saved.tar'), id);
    await work.ok('prune', '--force');
    assert.deepEqual(list(work.path('store', 'ingest')), []);
    await work.build(work.context(project(0)), ['-t', 'again']);
  });
});
