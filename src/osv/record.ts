/**
 * A record of the OSV database, as far as it is used here: https://ossf.github.io/osv-schema/, version 1.6. What others
 * wrote may lack anything.
 */
export interface OsvRecord {
  readonly id: string;
  readonly summary?: string;
  readonly details?: string;
  readonly aliases?: readonly string[];
  /** Of an advisory of a distribution: the vulnerabilities that it is about. */
  readonly upstream?: readonly string[];
  readonly withdrawn?: string;
  readonly severity?: readonly OsvSeverity[];
  readonly affected?: readonly OsvAffected[];
  readonly database_specific?: Readonly<Record<string, unknown>>;
}

export interface OsvSeverity {
  /** `CVSS_V2`, `CVSS_V3`, `CVSS_V4`, `Ubuntu`. */
  readonly type?: string;
  /** A vector, or a word. */
  readonly score?: string;
}

export interface OsvAffected {
  readonly package?: { readonly ecosystem?: string; readonly name?: string };
  readonly severity?: readonly OsvSeverity[];
  readonly ranges?: readonly OsvRange[];
  readonly versions?: readonly string[];
  readonly ecosystem_specific?: Readonly<Record<string, unknown>>;
  readonly database_specific?: Readonly<Record<string, unknown>>;
}

export interface OsvRange {
  /** `SEMVER`, `ECOSYSTEM` or `GIT`. */
  readonly type?: string;
  readonly events?: readonly OsvEvent[];
}

/** One of these. */
export interface OsvEvent {
  readonly introduced?: string;
  readonly fixed?: string;
  readonly last_affected?: string;
  readonly limit?: string;
}

/** Reads a record; nothing if it is none. */
export function parseRecord(bytes: Buffer): OsvRecord | undefined {
  try {
    const value = JSON.parse(bytes.toString()) as unknown;
    const isRecord =
      typeof value === 'object' && value !== null && typeof (value as OsvRecord).id === 'string';
    return isRecord ? (value as OsvRecord) : undefined;
  } catch {
    return undefined;
  }
}

/** The objects of a list; none where somebody wrote anything else. */
export function objectsOf<T extends object>(list: readonly T[] | undefined): readonly T[] {
  return Array.isArray(list) ? list.filter(each => typeof each === 'object' && each !== null) : [];
}
