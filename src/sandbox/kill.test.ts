import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { findProgram, rungNames } from './choose.ts';
import { scratchDirectory } from './scratch.ts';
import { cannotRun, LayerFixture, mountedAnywhere, processesWith, runLine } from './testing.ts';

const program = fileURLToPath(new URL('./testing-run.ts', import.meta.url));

/** Waits until nothing of a run is left; fails after some seconds. */
async function untilGone(fixture: LayerFixture, mark: string): Promise<void> {
  for (let tries = 0; tries < 100; tries++) {
    if (processesWith(mark).length === 0 && !mountedAnywhere(fixture.dir)) return;
    await sleep(50);
  }
  assert.deepEqual(
    { processes: processesWith(mark), mounted: mountedAnywhere(fixture.dir) },
    { processes: [], mounted: false },
  );
}

for (const rung of rungNames) {
  const missing = rung !== 'builtin' && findProgram(rung) === undefined ? `needs ${rung}` : cannotRun;
  describe(`the end of a step in the ${rung} sandbox`, { skip: missing }, () => {
    let fixture: LayerFixture;
    before(() => {
      fixture = new LayerFixture();
    });
    after(() => fixture.remove());

    it('comes within a second when the build is cancelled, for processes that ignore signals too', async () => {
      const mark = `mark-${process.pid}-${rung}-abort`;
      const controller = new AbortController();
      const started = Promise.withResolvers<void>();
      const run = runLine(
        rung,
        fixture,
        `trap '' TERM INT; (sh -c "trap '' TERM; sleep 1000; true" &) ; echo go; sleep 1000; true`,
        {
          env: ['PATH=/bin', `MARK=${mark}`],
          signal: controller.signal,
          stdio: () => started.resolve(),
        },
      );
      const failed = assert.rejects(run, { code: 'cancelled' });
      await started.promise;
      assert.ok(processesWith(mark).length > 0);
      controller.abort();
      await failed;
      assert.deepEqual(processesWith(mark), []);
      assert.equal(mountedAnywhere(fixture.dir), false);
    });

    it('lets a process that wants to end by itself do so', async () => {
      const controller = new AbortController();
      let out = '';
      const run = runLine(
        rung,
        fixture,
        "trap 'echo bye; exit 0' TERM; echo go; while :; do sleep 0.01; done",
        {
          signal: controller.signal,
          stdio: (_, data) => {
            out += Buffer.from(data);
            if (out === 'go\n') controller.abort();
          },
        },
      );
      await assert.rejects(run, { code: 'cancelled' });
      assert.equal(out, 'go\nbye\n');
    });

    it('does not begin when the build is cancelled already', async () => {
      await assert.rejects(runLine(rung, fixture, 'true', { signal: AbortSignal.abort() }), {
        code: 'cancelled',
      });
    });

    it('comes with the death of the program that runs it, at any moment', async () => {
      // From before the first process of the sandbox is there until the step runs.
      for (const delay of [0, 1, 2, 4, 8, 16, 32, 64, 'running'] as const) {
        const mark = `mark-${process.pid}-${rung}-${delay}`;
        const line = 'setsid sleep 1000 & trap "" TERM; echo started; sleep 1000';
        const child = spawn(process.execPath, [program, rung, fixture.base, fixture.upper().dir, line], {
          env: { ...process.env, MARK: mark },
          stdio: ['ignore', 'pipe', 'inherit'],
        });
        // The child says when it is about to start the sandbox.
        let seen = '';
        for await (const data of child.stdout) {
          seen += data;
          if (seen.includes(delay === 'running' ? 'started' : 'ready')) break;
        }
        if (delay !== 'running') await sleep(delay);
        child.kill('SIGKILL');
        if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
        await untilGone(fixture, mark);
      }
      // Runtimes keep state in directories, which must be in memory that went with the run.
      assert.deepEqual(readdirSync(scratchDirectory()), []);
    });
  });
}
