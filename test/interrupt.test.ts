import assert from 'node:assert/strict';
import { once } from 'node:events';
import { suite, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { withBusybox } from './support/busybox.ts';
import { needs } from './support/needs.ts';
import type { Running } from './support/program.ts';
import { awaitNoRemains, findRemains } from './support/remains.ts';
import { list, Workspace } from './support/workspace.ts';

/** Waits until a running build has said something. */
async function heard(running: Running, words: string): Promise<void> {
  while (!running.stderr().includes(words)) await once(running.child.stderr!, 'data');
}

/** Other runs of these tests on this machine have theirs. */
const mark = `stagecraft-interrupt-test-${process.pid}`;

suite('an interrupt', { skip: needs('busybox') }, () => {
  const work = new Workspace();
  const context = work.context(
    withBusybox(`FROM busybox
ENV MARK=${mark}
RUN trap '' INT TERM; (sleep 600 & sleep 600 & wait) & echo started; sleep 600; echo reached $((600+66))
`),
  );

  for (const [signal, code] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const) {
    test(`${signal} ends a build, its processes and its mounts, even those that ignore it`, async () => {
      const running = work.start(['build', '--progress=plain', '-t', 'never', context]);
      await heard(running, ' started\n');
      assert.ok(findRemains(work.store, mark).length > 0, 'the build must be seen while it runs');
      running.child.kill(signal);
      const outcome = await Promise.race([running.outcome, sleep(5000, undefined, { ref: false })]);
      assert.ok(outcome !== undefined, 'it must end at once');
      assert.equal(outcome.code, code, outcome.stderr);
      assert.deepEqual(await awaitNoRemains(work.store, mark), []);
      assert.doesNotMatch(outcome.stderr, /reached 666|unshare/);
      assert.equal(await work.ok('images', '-q'), '');
    });
  }

  test('the next build goes on where the stopped one was', async () => {
    const again = work.context(withBusybox(`FROM busybox\nENV MARK=${mark}\nRUN echo quick >/quick\n`));
    const { steps } = await work.build(again, ['-t', 'after']);
    assert.deepEqual(
      steps.map(({ cached }) => cached),
      [true, true, false],
    );
    assert.deepEqual(list(work.path('store', 'ingest')), []);
  });

  test('a container gets the signal, and may end in its own way', async () => {
    await work.build(withBusybox(`FROM busybox\nENV MARK=${mark}\n`), ['-t', 'base']);
    const script = 'trap "echo bye >&2; exit 5" TERM; echo ready >&2; while :; do sleep 0.1; done';
    const running = work.start(['run', '--rm', 'base', 'sh', '-c', script]);
    await heard(running, 'ready');
    running.child.kill('SIGTERM');
    const { code, stderr } = await running.outcome;
    assert.equal(code, 5, stderr);
    assert.match(stderr, /bye/);
    assert.deepEqual(await awaitNoRemains(work.store, mark), []);
  });
});
