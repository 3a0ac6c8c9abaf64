import type { Subject } from './ecosystems.ts';
import { type OsvAffected, type OsvEvent, type OsvRange, objectsOf } from './record.ts';

/** Whether a version is affected: OSV schema, "Evaluation". */
export function isAffected({ versions, ranges }: OsvAffected, subject: Subject): boolean {
  return (
    (Array.isArray(versions) && versions.includes(subject.version)) ||
    objectsOf(ranges).some(range => isInRange(range, subject))
  );
}

/** The oldest version with a mend that is newer; nothing where there is none. */
export function fixedVersion({ ranges }: OsvAffected, { version, compare }: Subject): string | undefined {
  const fixes = objectsOf(ranges)
    .filter(isComparable)
    .flatMap(range => eventsOf(range).flatMap(({ fixed }) => fixed ?? []));
  return fixes.filter(fixed => compare(fixed, version) > 0).sort(compare)[0];
}

/** Commits are in no package. */
function isComparable({ type }: OsvRange): boolean {
  return type !== 'GIT';
}

function isInRange(range: OsvRange, { version, compare }: Subject): boolean {
  if (!isComparable(range)) return false;
  const events = eventsOf(range);
  const limits = events.flatMap(({ limit }) => limit ?? []);
  if (limits.length > 0 && !limits.some(limit => limit === '*' || compare(version, limit) < 0)) return false;
  const order = (a: string, b: string): number =>
    a === '0' ? (b === '0' ? 0 : -1) : b === '0' ? 1 : compare(a, b);
  let affected = false;
  for (const event of events.toSorted((a, b) => order(placeOf(a), placeOf(b)))) {
    if (event.introduced !== undefined && order(event.introduced, version) <= 0) affected = true;
    if (event.fixed !== undefined && order(event.fixed, version) <= 0) affected = false;
    if (event.last_affected !== undefined && order(event.last_affected, version) < 0) affected = false;
  }
  return affected;
}

function placeOf({ introduced, fixed, last_affected, limit }: OsvEvent): string {
  return introduced ?? fixed ?? last_affected ?? limit ?? '0';
}

/** Those whose values are versions. */
function eventsOf({ events }: OsvRange): readonly OsvEvent[] {
  return objectsOf(events).filter(event => Object.values(event).every(value => typeof value === 'string'));
}
