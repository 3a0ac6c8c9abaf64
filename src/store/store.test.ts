import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { oldestLease, takeLease } from './leases.ts';
import { defaultStoreRoot, openStore } from './store.ts';

const dir = mkdtempSync(join(tmpdir(), 'stagecraft-store-'));
after(() => rmSync(dir, { recursive: true }));

test('a new store is an OCI image layout', () => {
  const store = openStore(join(dir, 'new'));
  assert.deepEqual(JSON.parse(readFileSync(store.path('oci-layout'), 'utf8')), {
    imageLayoutVersion: '1.0.0',
  });
  assert.deepEqual(JSON.parse(readFileSync(store.path('index.json'), 'utf8')).manifests, []);
  assert.ok(readdirSync(store.root).includes('blobs'));
  store.close();
});

test('a transaction that throws leaves nothing', () => {
  const store = openStore(join(dir, 'atomic'));
  assert.throws(
    () =>
      store.transaction(() => {
        store.prepare('INSERT INTO layers VALUES (?, NULL, 0, 0)').run('a');
        throw new Error('halfway');
      }),
    /halfway/,
  );
  assert.equal(store.prepare('SELECT * FROM layers').all().length, 0);
  store.close();
});

test('collection looks back to the oldest living lease and forgets dead ones', () => {
  const store = openStore(join(dir, 'leases'));
  const lease = takeLease(store);
  store
    .prepare("INSERT INTO leases (pid, pid_started, boot_id, started_at) VALUES (1, 1, 'another boot', 5)")
    .run();
  const later = Date.now() + 60_000;
  assert.ok(oldestLease(store, later) <= Date.now());
  assert.equal(store.prepare('SELECT * FROM leases').all().length, 1);
  lease.release();
  assert.equal(oldestLease(store, later), later);
  store.close();
});

test('a store that cannot be made says where and what to do', () => {
  assert.throws(() => openStore('/proc/stagecraft'), {
    code: 'io',
    message: /The store \/proc\/stagecraft/,
    hint: /STAGECRAFT_ROOT/,
  });
});

test('the store lies where STAGECRAFT_ROOT says', () => {
  assert.equal(defaultStoreRoot({ STAGECRAFT_ROOT: '/srv/images' }), '/srv/images');
  assert.equal(
    defaultStoreRoot({ STAGECRAFT_NAMESPACE: 'single', HOME: '/home/a' }),
    '/home/a/.local/share/stagecraft',
  );
});

test('a store of an older version gets what it lacks, one of a newer version is refused', () => {
  const root = join(dir, 'versions');
  const old = openStore(root);
  old.db.exec('DROP TABLE properties; PRAGMA user_version = 1');
  old.close();
  const upgraded = openStore(root);
  assert.equal(upgraded.prepare('SELECT * FROM properties').all().length, 0);
  upgraded.db.exec('PRAGMA user_version = 99');
  upgraded.close();
  assert.throws(() => openStore(root), { code: 'unsupported', message: /has format 99/ });
});
