import { closeSync, mkdirSync, openSync, readFileSync, statSync, utimesSync } from 'node:fs';
import { readdir, realpath } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { readAt } from '../files/read.ts';
import { eachEntry, unpack, type ZipPlace } from '../sbom/zip.ts';
import type { Store } from '../store/store.ts';
import { digestHex, digestOf } from '../util/digest.ts';
import { isErrno, StagecraftError } from '../util/errors.ts';
import { Pace } from '../util/pace.ts';
import { keyOfId, keysOf } from './keys.ts';
import { type OsvRecord, parseRecord } from './record.ts';

/** Bytes of a record, and of the directory of a zip archive, that are read at most. */
const most = { record: 64 << 20, directory: 512 << 20 };

/** The tables; `start` and what follows say where in a zip archive a record is. A plain file has only one. */
const schema = `
  CREATE TABLE IF NOT EXISTS sources (
    id INTEGER PRIMARY KEY,
    path TEXT NOT NULL UNIQUE,
    stamp TEXT NOT NULL,
    damaged INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE IF NOT EXISTS records (
    key TEXT NOT NULL,
    source INTEGER NOT NULL,
    start INTEGER NOT NULL,
    method INTEGER NOT NULL,
    packed INTEGER NOT NULL,
    size INTEGER NOT NULL,
    PRIMARY KEY (key, source, start)
  ) STRICT, WITHOUT ROWID;`;

export interface IndexOptions {
  readonly signal?: AbortSignal | undefined;
  /** Told of each zip archive that is read as a whole, which takes seconds for large ones. */
  readonly onRead?: ((path: string) => void) | undefined;
}

/**
 * A local copy of the OSV database: records in a directory tree, or in zip archives. Where each is stands in an index
 * in the store, so that only those of the packages asked for are read. Files that changed are read anew.
 */
export class OsvIndex {
  readonly #db: DatabaseSync;
  readonly #open = new Map<string, number>();

  private constructor(db: DatabaseSync) {
    this.#db = db;
  }

  /** @throws StagecraftError `not-found` where there is no such place, `usage` where it has no records */
  static async open(store: Store, place: string, options: IndexOptions = {}): Promise<OsvIndex> {
    const root = await realpath(place).catch(error => {
      if (!isErrno(error, 'ENOENT', 'ENOTDIR')) throw error;
      throw new StagecraftError('not-found', `There is no OSV database at ${place}.`, { hint: download });
    });
    mkdirSync(store.path('osv'), { recursive: true });
    const file = store.path('osv', digestHex(digestOf(root)).slice(0, 24));
    const db = new DatabaseSync(file, { timeout: 120_000 });
    const index = new OsvIndex(db);
    try {
      db.exec(`BEGIN IMMEDIATE; ${schema}`);
      await index.#update(root, options);
      db.exec('COMMIT');
      // Used now, for collection.
      const now = new Date();
      utimesSync(file, now, now);
      const { count } = db.prepare('SELECT count(*) AS count FROM (SELECT 1 FROM records LIMIT 1)').get() as {
        count: number;
      };
      if (count === 0)
        throw new StagecraftError('usage', `There are no records of OSV at ${place}.`, { hint: download });
      return index;
    } catch (error) {
      if (db.isTransaction) db.exec('ROLLBACK');
      index.close();
      throw error;
    }
  }

  /** How many files and entries of archives could not be read as records. */
  get damaged(): number {
    const row = this.#db.prepare('SELECT total(damaged) AS damaged FROM sources').get();
    return (row as { damaged: number }).damaged;
  }

  /** The records under a key; see keys.ts. */
  find(key: string): OsvRecord[] {
    const sql = `SELECT path, start, method, packed, size FROM records JOIN sources ON sources.id = records.source
      WHERE key = ? ORDER BY path, start`;
    const rows = this.#db.prepare(sql).all(key) as unknown as (ZipPlace & { path: string })[];
    return rows.flatMap(row => {
      const bytes = row.method < 0 ? readFile(row.path) : unpack(this.#bytes(row.path), row);
      return (bytes && parseRecord(bytes)) ?? [];
    });
  }

  close(): void {
    for (const fd of this.#open.values()) closeSync(fd);
    this.#open.clear();
    this.#db.close();
  }

  /** Reads what is new, and forgets what is gone or changed. */
  async #update(root: string, { signal, onRead }: IndexOptions): Promise<void> {
    const pace = new Pace(signal);
    const known = new Map<string, string>();
    for (const row of this.#db.prepare('SELECT path, stamp FROM sources').all() as {
      path: string;
      stamp: string;
    }[])
      known.set(row.path, row.stamp);
    for (const path of await listSources(root)) {
      if (pace.due) await pace.rest();
      const stat = statSync(path, { bigint: true, throwIfNoEntry: false });
      if (stat === undefined) continue;
      const stamp = `${stat.size} ${stat.mtimeNs} ${stat.ctimeNs} ${stat.ino}`;
      const before = known.get(path);
      known.delete(path);
      if (before === stamp) continue;
      if (before !== undefined) this.#forget(path);
      if (path.endsWith('.zip')) onRead?.(path);
      await this.#add(path, stamp, pace);
    }
    for (const path of known.keys()) this.#forget(path);
  }

  #forget(path: string): void {
    this.#db.prepare('DELETE FROM records WHERE source = (SELECT id FROM sources WHERE path = ?)').run(path);
    this.#db.prepare('DELETE FROM sources WHERE path = ?').run(path);
  }

  async #add(path: string, stamp: string, pace: Pace): Promise<void> {
    const added = this.#db
      .prepare('INSERT INTO sources (path, stamp, damaged) VALUES (?, ?, 0)')
      .run(path, stamp);
    const source = Number(added.lastInsertRowid);
    const insert = this.#db.prepare('INSERT OR IGNORE INTO records VALUES (?, ?, ?, ?, ?, ?)');
    let damaged = 0;
    const learn = (bytes: Buffer | undefined, { start, method, packed, size }: ZipPlace): void => {
      const record = bytes && parseRecord(bytes);
      if (record === undefined) damaged += 1;
      else
        for (const key of [keyOfId(record.id), ...keysOf(record)])
          insert.run(key, source, start, method, packed, size);
    };
    if (path.endsWith('.zip')) {
      let isEmpty = true;
      for (const entry of eachEntry(this.#bytes(path), most.directory)) {
        if (pace.due) await pace.rest();
        isEmpty = false;
        if (entry.name.endsWith('.json')) learn(entry.content(most.record), entry.place);
      }
      // An archive that is cut short has no list of its entries.
      if (isEmpty) damaged += 1;
    } else learn(readFile(path), { start: 0, method: -1, packed: 0, size: 0 });
    if (damaged > 0) this.#db.prepare('UPDATE sources SET damaged = ? WHERE id = ?').run(damaged, source);
  }

  #bytes(path: string): { size: number; read(offset: number, length: number): Buffer } {
    let fd = this.#open.get(path);
    if (fd === undefined) {
      fd = openSync(path, 'r');
      this.#open.set(path, fd);
    }
    const file = fd;
    const { size } = statSync(path);
    return {
      size,
      read: (offset, length) => readAt(file, offset, Math.min(length, Math.max(0, size - offset))),
    };
  }
}

const download =
  'Give a directory with records (ID.json) or zip archives of them, as osv.dev publishes them for each ecosystem (all.zip), or one archive.';

/** Records and archives at a place: itself, or all below it. Hidden directories, such as `.git`, are passed over. */
async function listSources(root: string): Promise<string[]> {
  if (!statSync(root).isDirectory()) return [root];
  const found: string[] = [];
  const waiting = [root];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop())
    for (const entry of await readdir(next, { withFileTypes: true })) {
      const path = join(next, entry.name);
      if (basename(path).startsWith('.')) continue;
      if (entry.isDirectory()) waiting.push(path);
      else if (/\.(?:json|zip)$/.test(entry.name)) found.push(path);
    }
  return found.sort();
}

function readFile(path: string): Buffer | undefined {
  const stat = statSync(path, { throwIfNoEntry: false });
  return stat?.isFile() && stat.size <= most.record ? readFileSync(path) : undefined;
}
