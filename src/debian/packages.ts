import type { Digest } from '../util/digest.ts';
import { StagecraftError } from '../util/errors.ts';
import { Pace } from '../util/pace.ts';
import { parseRelations, type Relation, versionFits } from './relations.ts';
import { compareVersions } from './version.ts';

/** One package of an index, with the fields that choosing and fetching need. Relations are kept as written. */
export interface BinaryPackage {
  readonly name: string;
  readonly version: string;
  readonly architecture: string;
  readonly essential: boolean;
  /** `required`, `important`, `standard`, `optional`, `extra`. */
  readonly priority: string;
  readonly depends: string;
  readonly preDepends: string;
  readonly conflicts: string;
  readonly breaks: string;
  readonly provides: string;
  /** Where it lies below the archive's address. */
  readonly filename: string;
  /** Bytes of the file. */
  readonly size: number;
  readonly digest: Digest;
  /** Which archive it comes from: an index into the list that the reader keeps. */
  readonly archive: number;
}

/** An entry as text until somebody asks for it: a suite has 60,000, of which a hundred are ever looked at. */
interface Stored {
  /** The lines of the wanted fields. */
  readonly text: string;
  readonly version: string;
  readonly archive: number;
  entry?: BinaryPackage;
}

/** All packages of some archives, by name. */
export class PackageIndex {
  readonly #byName = new Map<string, Stored[]>();
  readonly #provided = new Map<string, { name: string; version: string | undefined; by: Stored }[]>();
  /** Names of packages with some version that is essential or required. */
  readonly #basic = new Set<string>();

  /**
   * @param text lines of the wanted fields, each ended by a line feed
   * @param archive what {@link BinaryPackage.archive} will say
   * @throws StagecraftError `integrity` when the entry lacks its name or version
   */
  add(text: string, archive: number): void {
    const name = fieldOf(text, 'Package');
    const version = fieldOf(text, 'Version');
    if (!name || !version)
      throw new StagecraftError('integrity', 'The package index has an entry without a name or version.');
    const stored: Stored = { text, version, archive };
    const versions = this.#byName.get(name);
    if (!versions) this.#byName.set(name, [stored]);
    else if (versions.some(other => other.version === version)) return;
    else {
      versions.push(stored);
      versions.sort((a, b) => compareVersions(b.version, a.version));
    }
    if (fieldOf(text, 'Essential') === 'yes' || fieldOf(text, 'Priority') === 'required')
      this.#basic.add(name);
    const provides = fieldOf(text, 'Provides');
    if (provides === undefined) return;
    for (const [given] of parseRelations(provides)) {
      if (!given) continue;
      const provider = { name, version: given.version, by: stored };
      const providers = this.#provided.get(given.name);
      if (providers) providers.push(provider);
      else this.#provided.set(given.name, [provider]);
    }
  }

  /** How many names of packages there are. */
  get size(): number {
    return this.#byName.size;
  }

  /** The versions of a package, newest first. */
  versions(name: string): readonly BinaryPackage[] {
    return (this.#byName.get(name) ?? []).map(decode);
  }

  /** The essential packages and those of priority `required`, in their newest versions, sorted by name. */
  required(): BinaryPackage[] {
    return [...this.#basic]
      .sort()
      .map(name => this.versions(name)[0]!)
      .filter(entry => entry.essential || entry.priority === 'required');
  }

  /**
   * What can stand for a relation, best first: the package itself, then its providers by priority and name. Only the
   * newest version of a provider counts, as for apt.
   */
  candidates(relation: Relation): BinaryPackage[] {
    const newest = this.versions(relation.name)[0];
    const own = newest && versionFits(relation, newest.version) ? [newest] : [];
    const providers = (this.#provided.get(relation.name) ?? [])
      .filter(({ name, by }) => by === this.#byName.get(name)?.[0] && name !== relation.name)
      .filter(({ version }) => versionFits(relation, version))
      .map(({ by }) => decode(by))
      .sort((a, b) => rank(a) - rank(b) || (a.name < b.name ? -1 : 1));
    return [...own, ...providers];
  }
}

const priorities = ['required', 'important', 'standard', 'optional', 'extra'];

function rank(entry: BinaryPackage): number {
  const place = priorities.indexOf(entry.priority);
  return entry.essential ? -1 : place < 0 ? priorities.length : place;
}

const newline = 10;

/**
 * Reads a `Packages` index as it streams by (a suite's is 50 MB) into the index; nothing of it is kept but the fields
 * above.
 * @param archive what {@link BinaryPackage.archive} will say
 * @throws StagecraftError `integrity` on an entry without name, version, file, size or digest
 */
export async function readPackages(
  chunks: AsyncIterable<Uint8Array>,
  archive: number,
  architecture: string,
  into: PackageIndex,
  signal?: AbortSignal,
): Promise<void> {
  const pace = new Pace(signal);
  let rest: Buffer = Buffer.alloc(0);
  const take = (block: Buffer) => {
    const text = wantedLines(block);
    const own = fieldOf(text, 'Architecture');
    if (own === architecture || own === 'all' || (own === undefined && text !== '')) into.add(text, archive);
  };
  for await (const chunk of chunks) {
    const data: Buffer = rest.length > 0 ? Buffer.concat([rest, chunk]) : Buffer.from(chunk);
    let start = 0;
    for (;;) {
      const end = data.indexOf('\n\n', start);
      if (end < 0) break;
      take(data.subarray(start, end));
      start = end + 2;
    }
    rest = data.subarray(start);
    if (pace.due) await pace.rest();
  }
  take(rest);
}

const wanted = new Set([
  'Package',
  'Version',
  'Architecture',
  'Essential',
  'Priority',
  'Depends',
  'Pre-Depends',
  'Conflicts',
  'Breaks',
  'Provides',
  'Filename',
  'Size',
  'SHA256',
]);

/** The lines of a block with the fields that count, unfolded; a copy, so that the block's memory can go. */
function wantedLines(block: Buffer): string {
  const kept = Buffer.allocUnsafe(block.length + 1);
  let size = 0;
  let keeping = false;
  for (let start = 0; start < block.length; ) {
    let end = block.indexOf(newline, start);
    if (end < 0) end = block.length;
    const first = block[start]!;
    if (first === 32 || first === 9) {
      if (keeping) size += block.copy(kept, size - 1, start, end) - 1;
    } else {
      const colon = block.indexOf(58, start);
      keeping = colon > 0 && colon < end && wanted.has(block.toString('latin1', start, colon));
      if (keeping) size += block.copy(kept, size, start, end);
    }
    if (keeping) kept[size++] = newline;
    start = end + 1;
  }
  return kept.toString('latin1', 0, size);
}

/** The value of a field in such lines. */
function fieldOf(text: string, field: string): string | undefined {
  const at = text.startsWith(`${field}:`) ? 0 : text.indexOf(`\n${field}:`) + 1;
  if (at === 0 && !text.startsWith(`${field}:`)) return undefined;
  return text.slice(at + field.length + 1, text.indexOf('\n', at)).trim();
}

function decode(stored: Stored): BinaryPackage {
  stored.entry ??= decodeEntry(stored.text, stored.archive);
  return stored.entry;
}

function decodeEntry(text: string, archive: number): BinaryPackage {
  const value = (field: string) => fieldOf(text, field) ?? '';
  const [name, filename, size, sha256] = [
    value('Package'),
    value('Filename'),
    value('Size'),
    value('SHA256'),
  ];
  if (filename === '' || !/^\d+$/.test(size) || !/^[0-9a-f]{64}$/.test(sha256))
    throw new StagecraftError('integrity', `The package index has an incomplete entry for ${name}.`);
  return {
    name,
    version: value('Version'),
    architecture: value('Architecture'),
    essential: value('Essential') === 'yes',
    priority: value('Priority') || 'optional',
    depends: value('Depends'),
    preDepends: value('Pre-Depends'),
    conflicts: value('Conflicts'),
    breaks: value('Breaks'),
    provides: value('Provides'),
    filename,
    size: Number(size),
    digest: `sha256:${sha256}`,
    archive,
  };
}
