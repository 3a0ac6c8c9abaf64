import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { takeLease } from './leases.ts';
import { tryLock } from './locks.ts';
import { isAlive, type ProcessIdentity, self } from './processes.ts';
import { pruneStore } from './prune.ts';
import { openStore } from './store.ts';

/** Like another container: it has process ids of its own, and sees no others. */
const elsewhere = ['unshare', '--user', '--map-root-user', '--pid', '--fork', '--kill-child', '--mount-proc'];

if (process.argv[2] === 'use') await useStore(process.argv[3]!);
else declareTests();

/** Uses the store until it is killed. */
async function useStore(root: string): Promise<void> {
  const store = openStore(root);
  takeLease(store);
  assert.ok(tryLock(store, 'theirs'));
  assert.equal(tryLock(store, 'ours'), undefined);
  console.log(JSON.stringify(self(store)));
  setInterval(() => {}, 1_000);
}

function declareTests(): void {
  const root = mkdtempSync(join(tmpdir(), 'stagecraft-processes-'));
  const store = openStore(root);
  after(() => {
    store.close();
    rmSync(root, { recursive: true });
  });
  const [unshare = '', ...options] = elsewhere;
  const skip = spawnSync(unshare, [...options, 'true']).status !== 0 && 'needs user namespaces';

  test('containers that share a store keep apart what each uses, and clean up after the dead', {
    skip,
  }, async () => {
    assert.ok(tryLock(store, 'ours'));
    const args = [...options, process.execPath, import.meta.filename, 'use', root];
    const child = spawn(unshare, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    const [line] = await once(child.stdout, 'data');
    const other = JSON.parse(String(line)) as ProcessIdentity;
    assert.equal(isAlive(store, other), true);
    assert.equal(tryLock(store, 'theirs'), undefined);
    await pruneStore(store);
    const leases = (): number => store.db.prepare('SELECT id FROM leases').all().length;
    assert.equal(leases(), 1);

    child.kill('SIGKILL');
    await once(child.stdout, 'close');
    assert.equal(isAlive(store, other), false);
    await pruneStore(store);
    assert.equal(leases(), 0);
    assert.deepEqual(
      store.db
        .prepare('SELECT name FROM locks')
        .all()
        .map(({ name }) => name),
      ['ours'],
    );
    assert.equal(readdirSync(store.path('present')).length, 1);
  });

  test('a process of the same id that started at another time is another one', () => {
    const identity = self(store);
    assert.equal(isAlive(store, identity), true);
    assert.equal(isAlive(store, { ...identity, started: identity.started - 1 }), false);
    assert.equal(isAlive(store, { ...identity, bootId: 'another boot' }), false);
  });
}
