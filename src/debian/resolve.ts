import { StagecraftError } from '../util/errors.ts';
import type { BinaryPackage, PackageIndex } from './packages.ts';
import { formatRelation, parseRelations, type Relation, versionFits } from './relations.ts';
import { compareVersions } from './version.ts';

export interface Selection {
  /** The chosen packages, sorted by name. */
  readonly packages: BinaryPackage[];
  /** Names of packages that something depends on, but `leaveOut` kept away. */
  readonly leftOut: string[];
}

export interface ResolveOptions {
  /** A package that must not come in as a dependency; named roots come in all the same. */
  readonly leaveOut?: (candidate: BinaryPackage, dependent: BinaryPackage) => boolean;
}

/** A dependency that still has to be met: one alternative of the group. */
interface Demand {
  readonly group: readonly Relation[];
  readonly dependent: BinaryPackage;
}

/**
 * Finds the packages named by the roots and everything they need (`Depends` and `Pre-Depends`), the way apt does
 * without recommendations: the newest version of each, the first alternative that can be had. What is named, and what
 * leaves no choice, is chosen before anything that does, so that a choice falls on what is there anyway.
 * @param roots names, each with `=VERSION` where one is wanted that is not the newest
 * @throws StagecraftError `not-found` for an unknown package or a dependency that nothing meets; `usage` on a conflict
 */
export function resolvePackages(
  roots: readonly string[],
  index: PackageIndex,
  options: ResolveOptions = {},
): Selection {
  return new Resolver(index, options).run(roots);
}

class Resolver {
  readonly #index: PackageIndex;
  readonly #options: ResolveOptions;
  readonly #chosen = new Map<string, BinaryPackage>();
  /** Who gives a name, and with which version, among the chosen. */
  readonly #given = new Map<string, (string | undefined)[]>();
  readonly #reasons = new Map<string, string>();
  readonly #leftOut = new Set<string>();
  readonly #forced: Demand[] = [];
  readonly #open: Demand[] = [];

  constructor(index: PackageIndex, options: ResolveOptions) {
    this.#index = index;
    this.#options = options;
  }

  run(roots: readonly string[]): Selection {
    for (const root of roots) this.#choose(this.#findRoot(root), 'asked for');
    for (;;) {
      const demand = this.#forced.pop() ?? this.#open.shift();
      if (!demand) break;
      this.#meet(demand);
    }
    this.#refuseConflicts();
    const packages = [...this.#chosen.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
    return { packages, leftOut: [...this.#leftOut].sort() };
  }

  #findRoot(root: string): BinaryPackage {
    const [name = '', version] = root.split('=');
    const versions = this.#index.versions(name);
    const found =
      version === undefined
        ? versions[0]
        : versions.find(each => compareVersions(each.version, version) === 0);
    if (found) return found;
    if (versions.length > 0)
      throw new StagecraftError('not-found', `The package ${name} is not there in version ${version}.`, {
        hint: `There is ${versions.map(each => each.version).join(', ')}.`,
      });
    const providers = this.#index.candidates({ name });
    if (providers.length === 1 && version === undefined) return providers[0]!;
    throw new StagecraftError('not-found', `There is no package ${name}.`, {
      hint:
        providers.length > 0
          ? `It is a virtual package: name one of ${providers.map(each => each.name).join(', ')}.`
          : 'Check its name, the suite and the components.',
    });
  }

  #choose(entry: BinaryPackage, reason: string): void {
    const other = this.#chosen.get(entry.name);
    if (other) {
      if (other !== entry)
        throw new StagecraftError('usage', `The package ${entry.name} is asked for in two versions.`);
      return;
    }
    this.#chosen.set(entry.name, entry);
    this.#reasons.set(entry.name, reason);
    for (const [relation] of parseRelations(entry.provides))
      if (relation)
        this.#given.set(relation.name, [...(this.#given.get(relation.name) ?? []), relation.version]);
    for (const group of [...parseRelations(entry.preDepends), ...parseRelations(entry.depends)])
      (group.length === 1 && this.#isSingle(group[0]!) ? this.#forced : this.#open).push({
        group,
        dependent: entry,
      });
  }

  #isSingle(relation: Relation): boolean {
    return this.#index.versions(relation.name).length > 0;
  }

  #isMet(relation: Relation): boolean {
    const own = this.#chosen.get(relation.name);
    if (own && versionFits(relation, own.version)) return true;
    return this.#given.get(relation.name)?.some(version => versionFits(relation, version)) ?? false;
  }

  #meet({ group, dependent }: Demand): void {
    if (group.some(relation => this.#isMet(relation))) return;
    const candidates = group.flatMap(relation => this.#index.candidates(relation));
    const { leaveOut } = this.#options;
    if (leaveOut && candidates.length > 0) {
      const kept = candidates.filter(candidate => !leaveOut(candidate, dependent));
      if (kept.length === 0) {
        this.#leftOut.add(candidates[0]!.name);
        return;
      }
      candidates.splice(0, candidates.length, ...kept);
    }
    const free = candidates.filter(candidate => !this.#chosen.has(candidate.name));
    const best = free.find(candidate => !this.#conflictOf(candidate)) ?? free[0];
    if (!best)
      throw new StagecraftError(
        'not-found',
        `${this.#trail(dependent)} needs ${group.map(formatRelation).join(' or ')}, which the archives do not have.`,
      );
    this.#choose(best, dependent.name);
  }

  /** A chosen package that cannot live with the candidate. */
  #conflictOf(candidate: BinaryPackage): BinaryPackage | undefined {
    for (const other of this.#chosen.values())
      if (excludes(candidate, other) || excludes(other, candidate)) return other;
    return undefined;
  }

  #refuseConflicts(): void {
    const all = [...this.#chosen.values()];
    for (const entry of all) {
      if (entry.conflicts === '' && entry.breaks === '') continue;
      const other = all.find(each => excludes(entry, each));
      if (other)
        throw new StagecraftError(
          'usage',
          `The packages ${this.#trail(entry)} and ${this.#trail(other)} exclude each other.`,
          { hint: 'Leave one of them out, or name another alternative with --include.' },
        );
    }
  }

  /** `a (asked for)` or `c (for b, for a)`: how a package came in. */
  #trail(entry: BinaryPackage): string {
    const steps: string[] = [];
    for (let name = entry.name; ; ) {
      const reason = this.#reasons.get(name);
      if (reason === undefined || reason === 'asked for' || steps.length > 20) break;
      steps.push(`for ${reason}`);
      name = reason;
    }
    return steps.length > 0 ? `${entry.name} (${steps.join(', ')})` : entry.name;
  }
}

/** Whether the first package's `Conflicts` or `Breaks` name the other one; a package never excludes itself. */
function excludes(entry: BinaryPackage, other: BinaryPackage): boolean {
  if (entry.name === other.name) return false;
  for (const field of [entry.conflicts, entry.breaks]) {
    if (field === '') continue;
    for (const [relation] of parseRelations(field)) {
      if (!relation) continue;
      if (relation.name === other.name) {
        if (versionFits(relation, other.version)) return true;
      } else if (other.provides !== '') {
        for (const [given] of parseRelations(other.provides))
          if (given?.name === relation.name && versionFits(relation, given.version)) return true;
      }
    }
  }
  return false;
}
