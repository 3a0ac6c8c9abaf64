import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { suite, test } from 'node:test';
import { withBusybox } from './support/busybox.ts';
import { needs } from './support/needs.ts';
import { Workspace } from './support/workspace.ts';

interface Line {
  readonly Type: string;
  readonly Bytes: string;
}

suite('the store over time', { skip: needs('busybox') }, () => {
  const work = new Workspace();
  const context = work.context(
    withBusybox(`FROM busybox AS make
COPY data /data
RUN --mount=type=cache,id=kept,target=/kept dd if=/dev/zero of=/kept/big bs=1M count=3 && cp -r /data /copy
FROM make
RUN dd if=/dev/urandom of=/random bs=1M count=3
`),
  );
  work.write(context, Object.fromEntries([...Array(200).keys()].map(i => [`data/${i}`, 'x'.repeat(5_000)])));
  const lines = async (...args: string[]): Promise<Line[]> =>
    (await work.ok(...args, '--format', 'json'))
      .trimEnd()
      .split('\n')
      .map(line => JSON.parse(line) as Line);
  const bytes = (rows: readonly Line[]): number => rows.reduce((sum, { Bytes }) => sum + Number(Bytes), 0);

  test('what du tells adds up to what the store takes, after an edit that shares files too', async () => {
    await work.build(context, ['-t', 'app']);
    work.write(context, { 'data/7': 'changed' });
    await work.build(context, ['-t', 'app']);
    const rows = await lines('du');
    const taken = Number(execFileSync('du', ['-s', '--block-size=1', work.store]).toString().split('\t')[0]);
    assert.ok(Math.abs(bytes(rows) - taken) < taken / 50, `${bytes(rows)} of ${taken}`);
    const items = bytes(await lines('du', '--verbose'));
    const rest = Number(rows.find(({ Type }) => Type === 'Metadata')!.Bytes);
    assert.ok(Math.abs(items + rest - taken) < taken / 50, `${items} and ${rest} of ${taken}`);
  });

  test('du --verbose says what keeps a cache mount, and prune takes it by its type', async () => {
    assert.match(await work.ok('du', '--verbose'), /^cache mounts .* cache-mount .*kept$/m);
    const told = JSON.parse(
      await work.ok('prune', '-f', '--filter', 'type=exec.cachemount', '--format', 'json'),
    );
    assert.deepEqual([told.CacheMounts, told.CachedSteps], [1, 0]);
    assert.ok(told.ReclaimedBytes >= 3 << 20);
    assert.deepEqual(readdirSync(work.path('store/mounts')), []);
    const build = await work.build(context, ['-t', 'app']);
    assert.ok(build.steps.every(({ cached, name }) => cached || !/RUN|COPY/.test(name)));
  });

  test('a filter by time spares what was used since, in both words for it', async () => {
    for (const filter of ['until=1h', 'unused-for=1h'])
      assert.match(await work.ok('prune', '-af', '--filter', filter), /reclaimed space: 0B\n$/);
  });

  test('a limit in the environment is kept by the build itself, and no named image goes', async () => {
    const env = { STAGECRAFT_MAX_STORAGE: '8m' };
    await work.build(context, ['-t', 'app']);
    assert.ok(bytes(await lines('du')) > 8 << 20);
    const build = await work.stagecraft(['build', '-t', 'app', context], { env });
    assert.equal(build.code, 0, build.stderr);
    assert.ok(bytes(await lines('du')) <= 8 << 20);
    assert.match(await work.ok('run', '--rm', 'app', 'ls', '/data'), /^199$/m);
    const wrong = await work.stagecraft(['build', context], { env: { STAGECRAFT_MAX_STORAGE: 'much' } });
    assert.match(wrong.stderr, /The value "much" of STAGECRAFT_MAX_STORAGE is not a size/);
  });

  test('what load adds is within the limit too', async () => {
    const env = { STAGECRAFT_MAX_STORAGE: '8m' };
    const archive = work.path('app.tar');
    await work.ok('save', '-o', archive, 'app');
    await work.build(context, ['-t', 'other', '--no-cache']);
    assert.ok(bytes(await lines('du')) > 8 << 20);
    const loaded = await work.stagecraft(['load', '-q', '-i', archive], { env });
    assert.deepEqual([loaded.code, loaded.stderr], [0, '']);
    assert.ok(bytes(await lines('du')) <= 10 << 20);
  });

  test('builds that all keep the store empty take nothing from each other', async () => {
    const env = { STAGECRAFT_MAX_STORAGE: '1k' };
    for (let round = 0; round < 2; round++) {
      work.write(context, { 'data/8': `round ${round}` });
      const builds = await Promise.all([
        work.stagecraft(['build', '-t', 'one', context], { env }),
        work.stagecraft(['build', '-t', 'two', context], { env }),
        work.stagecraft(['prune', '-af', '--max-used-space', '1k']),
      ]);
      for (const { code, stderr } of builds) assert.equal(code, 0, stderr);
      assert.match(await work.ok('run', '--rm', 'two', 'cat', '/copy/8'), new RegExp(`round ${round}`));
    }
  });
});
