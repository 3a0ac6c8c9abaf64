/** The version of the tables below. A store of an older one gets the tables it lacks; one of a newer one is refused. */
export const schemaVersion = 5;

/** All tables of `metadata.db`. Times are milliseconds since the epoch, sizes are bytes. */
export const schema = `
-- Names of images in this store: one row a name, pointing at a manifest or an index in blobs/.
CREATE TABLE IF NOT EXISTS images (
  name TEXT PRIMARY KEY,
  digest TEXT NOT NULL,
  media_type TEXT NOT NULL,
  size INTEGER NOT NULL,
  created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Images of registries that builds start from, by full name; see bases.ts.
CREATE TABLE IF NOT EXISTS bases (
  name TEXT PRIMARY KEY,
  digest TEXT NOT NULL,
  media_type TEXT NOT NULL,
  size INTEGER NOT NULL,
  last_used_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Layer directories under layers/. size is NULL until somebody asked.
CREATE TABLE IF NOT EXISTS layers (
  id TEXT PRIMARY KEY,
  size INTEGER,
  created_at INTEGER NOT NULL,
  last_used_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- A layer in the form of a blob: compressed once in its life.
CREATE TABLE IF NOT EXISTS layer_blobs (
  layer TEXT NOT NULL REFERENCES layers(id) ON DELETE CASCADE,
  variant TEXT NOT NULL,
  diff_id TEXT NOT NULL,
  digest TEXT NOT NULL,
  size INTEGER NOT NULL,
  media_type TEXT NOT NULL,
  PRIMARY KEY (layer, variant)
) STRICT, WITHOUT ROWID;

-- What is inside a blob that holds a layer; true for ever, as both are named by their content. unpacked_size is that
-- of the tar stream.
CREATE TABLE IF NOT EXISTS blob_contents (
  digest TEXT PRIMARY KEY,
  diff_id TEXT NOT NULL,
  unpacked_size INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Which lines of which Dockerfile made the layers of a manifest; see origins.ts.
CREATE TABLE IF NOT EXISTS image_origins (
  digest TEXT PRIMARY KEY,
  file TEXT NOT NULL,
  lines TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Layers unpacked from images: by diffID, or by chainID where the layer depends on those below it.
CREATE TABLE IF NOT EXISTS unpacked_layers (
  key TEXT PRIMARY KEY,
  layer TEXT NOT NULL REFERENCES layers(id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

-- What an operation made, by cache key. Several keys may name one result: a definition key and the content key that
-- it stood for (canonical). outputs is JSON: for each output of the operation the layer ids, base first, or null.
CREATE TABLE IF NOT EXISTS cache_records (
  key TEXT PRIMARY KEY,
  canonical TEXT NOT NULL,
  outputs TEXT NOT NULL,
  description TEXT NOT NULL,
  duration_ms INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  last_used_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Directories of RUN --mount=type=cache, under mounts/.
CREATE TABLE IF NOT EXISTS cache_mounts (
  id TEXT PRIMARY KEY,
  directory TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  last_used_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Processes that use the store now; see leases.ts. boot_id: of the boot and the process namespace (processes.ts).
-- monotonic: milliseconds on the kernel's clock that nobody sets.
CREATE TABLE IF NOT EXISTS leases (
  id INTEGER PRIMARY KEY,
  pid INTEGER NOT NULL,
  pid_started INTEGER NOT NULL,
  boot_id TEXT NOT NULL,
  started_at INTEGER NOT NULL,
  monotonic INTEGER
) STRICT;

-- Names held by one process at a time; see locks.ts.
CREATE TABLE IF NOT EXISTS locks (
  name TEXT PRIMARY KEY,
  pid INTEGER NOT NULL,
  pid_started INTEGER NOT NULL,
  boot_id TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- What is true of the store as a whole; see id-mapping.ts.
CREATE TABLE IF NOT EXISTS properties (
  name TEXT PRIMARY KEY,
  value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- What directories of the store measured to, by path; see sizes.ts.
CREATE TABLE IF NOT EXISTS sizes (
  path TEXT PRIMARY KEY,
  size INTEGER NOT NULL,
  stamp INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- The layers that a copy made last, by its place: unchanged files of the next one are linked from there.
CREATE TABLE IF NOT EXISTS previous_copies (
  place TEXT PRIMARY KEY,
  layers TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Files of downloads/ by the request that brought them (a digest of the address and of headers that matter), with the
-- headers of the answer by which the server can tell whether it has something else now.
CREATE TABLE IF NOT EXISTS downloads (
  request TEXT NOT NULL,
  digest TEXT NOT NULL,
  etag TEXT,
  last_modified TEXT,
  disposition TEXT,
  checked_at INTEGER NOT NULL,
  PRIMARY KEY (request, digest)
) STRICT, WITHOUT ROWID;
`;

/** What a store of version 3 and older lacks beside whole tables. */
export const leaseClock = 'ALTER TABLE leases ADD COLUMN monotonic INTEGER';
