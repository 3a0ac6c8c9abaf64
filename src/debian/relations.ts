import { StagecraftError } from '../util/errors.ts';
import { type VersionOperator, versionSatisfies } from './version.ts';

/** One alternative of a relationship field: `libc6 (>= 2.36)` (Debian policy, section 7.1). */
export interface Relation {
  readonly name: string;
  readonly operator?: VersionOperator;
  readonly version?: string;
}

const form =
  /^([A-Za-z0-9][A-Za-z0-9+.-]*)(?::[a-z0-9-]+)?\s*(?:\(\s*(<<|<=|=|>=|>>|<|>)\s*([^)\s]+)\s*\))?\s*(?:\[[^\]]*\]\s*)?$/;

/** `a | b (>= 1), c`: all groups must hold, one alternative of each. */
export function parseRelations(field: string): Relation[][] {
  const groups: Relation[][] = [];
  for (const group of field.split(',')) {
    if (group.trim() === '') continue;
    groups.push(group.split('|').map(alternative => parseRelation(alternative.trim())));
  }
  return groups;
}

function parseRelation(text: string): Relation {
  const match = form.exec(text);
  if (!match)
    throw new StagecraftError('integrity', `The package index has an unreadable relation "${text}".`);
  const [, name, operator, version] = match;
  if (!operator) return { name: name! };
  // The single signs are the obsolete spellings of <= and >=.
  const modern = operator === '<' ? '<=' : operator === '>' ? '>=' : (operator as VersionOperator);
  return { name: name!, operator: modern, version: version! };
}

/** Whether a package of that name with this version is what the relation asks for. */
export function versionFits(relation: Relation, version: string | undefined): boolean {
  if (relation.operator === undefined) return true;
  return version !== undefined && versionSatisfies(version, relation.operator, relation.version!);
}

/** The relation as Debian writes it. */
export function formatRelation(relation: Relation): string {
  return relation.operator ? `${relation.name} (${relation.operator} ${relation.version})` : relation.name;
}
