import { existsSync, mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { makeDirectories } from '../util/directories.ts';
import { isErrno, StagecraftError } from '../util/errors.ts';
import { leaseClock, schema, schemaVersion } from './schema.ts';

/** A place on disk that any number of builds, in any number of processes, use at once. */
export interface Store {
  readonly root: string;
  /** The metadata, for the rooms that own its tables. */
  readonly db: DatabaseSync;
  /** A prepared statement, prepared once. */
  prepare(sql: string): StatementSync;
  /** Runs the body in one write transaction (`BEGIN IMMEDIATE`): all of it or nothing. The body must not wait. */
  transaction<T>(body: () => T): T;
  /** An absolute path inside the store. */
  path(...parts: string[]): string;
  close(): void;
}

/** `STAGECRAFT_ROOT`, else the system's place for root, else the user's data directory (XDG base directories). */
export function defaultStoreRoot(env: NodeJS.ProcessEnv = process.env): string {
  if (env.STAGECRAFT_ROOT) return resolve(env.STAGECRAFT_ROOT);
  if (process.getuid?.() === 0 && env.STAGECRAFT_NAMESPACE === undefined) return '/var/lib/stagecraft';
  const data = env.XDG_DATA_HOME?.startsWith('/')
    ? env.XDG_DATA_HOME
    : join(env.HOME ?? homedir(), '.local/share');
  return join(data, 'stagecraft');
}

const directories = ['blobs/sha256', 'ingest', 'layers', 'mounts', 'packages'];

/**
 * Opens the store and makes it where it does not exist yet.
 * @throws StagecraftError `io` when the place cannot be written
 */
export function openStore(root: string = defaultStoreRoot()): Store {
  const db = openOrExplain(root);
  const statements = new Map<string, StatementSync>();
  const prepare = (sql: string): StatementSync => {
    let statement = statements.get(sql);
    if (statement === undefined) {
      statement = db.prepare(sql);
      statements.set(sql, statement);
    }
    return statement;
  };
  return {
    root,
    db,
    prepare,
    transaction(body) {
      prepare('BEGIN IMMEDIATE').run();
      try {
        const result = body();
        prepare('COMMIT').run();
        return result;
      } catch (error) {
        if (db.isTransaction) prepare('ROLLBACK').run();
        throw error;
      }
    },
    path: (...parts) => join(root, ...parts),
    close: () => db.close(),
  };
}

function openOrExplain(root: string): DatabaseSync {
  try {
    if (!existsSync(join(root, 'metadata.db'))) lay(root);
    const db = new DatabaseSync(join(root, 'metadata.db'), { timeout: 30_000 });
    db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON;');
    const { user_version: version } = db.prepare('PRAGMA user_version').get() as { user_version: number };
    if (version > schemaVersion)
      throw new StagecraftError(
        'unsupported',
        `The store ${root} has format ${version}; this version reads ${schemaVersion}.`,
        {
          hint: 'Use the version of Stagecraft that made it, or set STAGECRAFT_ROOT to another place.',
        },
      );
    if (version < schemaVersion) upgrade(db);
    return db;
  } catch (error) {
    if (error instanceof StagecraftError) throw error;
    const isClosed = isErrno(error, 'EACCES', 'EPERM', 'EROFS') || isDatabaseError(error, sqliteReadOnly);
    const isFull = isErrno(error, 'ENOSPC', 'EDQUOT') || isDatabaseError(error, sqliteFull);
    const reason = isClosed ? 'is not writable' : isFull ? 'has no space left' : 'cannot be used';
    throw new StagecraftError('io', `The store ${root} ${reason}: ${(error as Error).message}.`, {
      hint: 'Set STAGECRAFT_ROOT to a directory of yours with enough free space.',
      cause: error,
    });
  }
}

function upgrade(db: DatabaseSync): void {
  db.exec(`BEGIN IMMEDIATE; ${schema}`);
  const columns = db.prepare('PRAGMA table_info(leases)').all();
  if (!columns.some(({ name }) => name === 'monotonic')) db.exec(leaseClock);
  db.exec(`PRAGMA user_version = ${schemaVersion}; COMMIT;`);
}

/** SQLITE_READONLY: the database is somebody else's. */
const sqliteReadOnly = 8;
/** SQLITE_FULL: its disk is full. */
const sqliteFull = 13;

function isDatabaseError(error: unknown, code: number): boolean {
  return error instanceof Error && 'errcode' in error && error.errcode === code;
}

/** Makes the directories and the `oci-layout` file, so that other tools can read the store (image-layout.md). */
function lay(root: string): void {
  makeDirectories(root);
  for (const directory of directories) mkdirSync(join(root, directory), { recursive: true, mode: 0o755 });
  writeWhole(join(root, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}\n');
  if (!existsSync(join(root, 'index.json')))
    writeWhole(
      join(root, 'index.json'),
      '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}\n',
    );
}

function writeWhole(path: string, text: string): void {
  const temporary = `${path}.${process.pid}`;
  writeFileSync(temporary, text);
  renameSync(temporary, path);
}
