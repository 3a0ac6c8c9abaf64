import type { Inventory, Package } from '../sbom/types.ts';
import { fixedVersion, isAffected } from './affected.ts';
import { type Subject, subjectOf } from './ecosystems.ts';
import { keyOfId, nameOf } from './keys.ts';
import { type OsvAffected, type OsvRecord, objectsOf } from './record.ts';
import { levels, type Severity, severityOf } from './severity.ts';

/** A known vulnerability of a package. */
export interface Vulnerability {
  /** The CVE where there is one, else that of the record. */
  readonly id: string;
  /** All its names, with those of the records that speak of it. */
  readonly ids: readonly string[];
  readonly summary: string;
  readonly severity: Severity;
  readonly package: Package;
  /** The oldest version with a mend; nothing where there is none. */
  readonly fixed?: string;
}

/** Where records are looked up; see {@link OsvIndex}. */
export interface Records {
  find(key: string): OsvRecord[];
}

/** What one record says of a package. */
interface Hit {
  readonly record: OsvRecord;
  readonly affected: OsvAffected;
  readonly fixed: string | undefined;
}

/** Vulnerabilities of the packages, the worst first. */
export async function matchVulnerabilities(
  { packages, distribution }: Inventory,
  records: Records,
): Promise<Vulnerability[]> {
  const found: Vulnerability[] = [];
  for (const entry of packages) {
    const subject = subjectOf(entry, distribution);
    if (subject === undefined) continue;
    for (const hits of groupByName(hitsOf(subject, records))) {
      const ids = [...new Set(hits.flatMap(({ record }) => namesOf(record)))];
      const fixed = hits.flatMap(hit => hit.fixed ?? []).sort(subject.compare)[0];
      found.push({
        id: ids.find(id => id.startsWith('CVE-')) ?? ids[0]!,
        ids,
        summary: hits.map(({ record }) => summaryOf(record)).find(text => text !== '') ?? '',
        severity: await worstOf(hits, records),
        package: entry,
        ...(fixed !== undefined && { fixed }),
      });
    }
  }
  const weight = ({ severity: { level, score } }: Vulnerability): number =>
    levels.indexOf(level) * 100 + (score ?? 0);
  return found.sort((a, b) => weight(b) - weight(a));
}

function hitsOf(subject: Subject, records: Records): Hit[] {
  const hits = new Map<string, Hit>();
  for (const name of subject.names)
    for (const record of records.find(name)) {
      if (record.withdrawn || hits.has(record.id)) continue;
      const affected = objectsOf(record.affected).filter(
        each =>
          subject.isIn(each.package?.ecosystem ?? '') &&
          subject.names.includes(nameOf(each.package!.ecosystem!, each.package!.name ?? '')) &&
          isAffected(each, subject),
      );
      if (affected.length === 0) continue;
      const fixed = affected.flatMap(each => fixedVersion(each, subject) ?? []).sort(subject.compare)[0];
      hits.set(record.id, { record, affected: affected[0]!, fixed });
    }
  return [...hits.values()];
}

/** Hits that speak of the same vulnerability. Advisories of which all is told by others are left out. */
function groupByName(hits: readonly Hit[]): Hit[][] {
  const groups: { names: Set<string>; hits: Hit[] }[] = [];
  const isCollection = ({ record }: Hit): boolean => listOf(record.upstream).length > 1;
  for (const hit of [...hits].sort((a, b) => Number(isCollection(a)) - Number(isCollection(b)))) {
    const told = new Set(groups.flatMap(({ names }) => [...names]));
    if (isCollection(hit) && listOf(hit.record.upstream).every(id => told.has(id))) continue;
    const names = namesOf(hit.record);
    const same = groups.filter(group => names.some(name => group.names.has(name)));
    const merged = { names: new Set(names), hits: [hit] };
    for (const group of same) {
      for (const name of group.names) merged.names.add(name);
      merged.hits.unshift(...group.hits);
      groups.splice(groups.indexOf(group), 1);
    }
    groups.push(merged);
  }
  return groups.map(group => group.hits);
}

/** Its id and its aliases; a distribution's record of a single vulnerability also has the name of that. */
function namesOf({ id, aliases, upstream }: OsvRecord): string[] {
  const above = listOf(upstream);
  return [id, ...listOf(aliases), ...(above.length === 1 ? above : [])];
}

/** Where those that speak of the package give no severity, that of the vulnerability under its other names. */
async function worstOf(hits: readonly Hit[], records: Records): Promise<Severity> {
  const said = await Promise.all(hits.map(({ record, affected }) => severityOf(record, affected)));
  const own = worst(said);
  if (own !== undefined) return own;
  const names = new Set(hits.flatMap(({ record }) => [...namesOf(record), ...listOf(record.upstream)]));
  const others = [...names].flatMap(name => records.find(keyOfId(name)));
  return worst(await Promise.all(others.map(record => severityOf(record, {})))) ?? { level: 'unknown' };
}

function worst(severities: readonly (Severity | undefined)[]): Severity | undefined {
  return severities
    .filter(severity => severity !== undefined)
    .sort((a, b) => levels.indexOf(b.level) - levels.indexOf(a.level) || (b.score ?? 0) - (a.score ?? 0))[0];
}

function summaryOf({ summary, details }: OsvRecord): string {
  const text = typeof summary === 'string' && summary !== '' ? summary : details;
  return typeof text === 'string' ? (text.trim().split('\n', 1)[0] ?? '') : '';
}

function listOf(values: unknown): readonly string[] {
  return Array.isArray(values) ? values.filter(value => typeof value === 'string') : [];
}
