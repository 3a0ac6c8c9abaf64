import { type OsvRecord, objectsOf } from './record.ts';

/** What records of a vulnerability are found by; no package has such a name. */
export function keyOfId(id: string): string {
  return `#${id}`;
}

/** The names of the packages that a record speaks of, as {@link nameOf} has them. */
export function keysOf({ affected }: OsvRecord): Set<string> {
  const names = new Set<string>();
  for (const { package: about } of objectsOf(affected)) {
    const { ecosystem, name } = about ?? {};
    if (typeof ecosystem === 'string' && typeof name === 'string') names.add(nameOf(ecosystem, name));
  }
  return names;
}

/** Names of Python's packages in their normal form: PEP 503. */
export function nameOf(ecosystem: string, name: string): string {
  return ecosystem === 'PyPI' ? name.toLowerCase().replaceAll(/[-_.]+/g, '-') : name;
}
