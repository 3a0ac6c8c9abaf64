import type { BinaryPackage } from './packages.ts';
import { parseRelations, type Relation, versionFits } from './relations.ts';

/** What each of the selected packages needs among them. */
interface Needs {
  /** By `Pre-Depends`. */
  readonly before: ReadonlySet<BinaryPackage>;
  /** By `Pre-Depends` or `Depends`. */
  readonly all: ReadonlySet<BinaryPackage>;
}

type Graph = ReadonlyMap<BinaryPackage, Needs>;

function graphOf(packages: readonly BinaryPackage[]): Graph {
  const givers = new Map<string, { giver: BinaryPackage; version: string | undefined }[]>();
  const give = (name: string, giver: BinaryPackage, version: string | undefined) => {
    const known = givers.get(name);
    if (known) known.push({ giver, version });
    else givers.set(name, [{ giver, version }]);
  };
  for (const entry of packages) {
    give(entry.name, entry, entry.version);
    for (const [given] of parseRelations(entry.provides)) if (given) give(given.name, entry, given.version);
  }
  const satisfiers = (relation: Relation) =>
    (givers.get(relation.name) ?? [])
      .filter(({ version }) => versionFits(relation, version))
      .map(({ giver }) => giver);
  const needed = (field: string) =>
    parseRelations(field).flatMap(group => group.flatMap(relation => satisfiers(relation)));
  return new Map(
    packages.map(entry => {
      const before = new Set(needed(entry.preDepends));
      return [entry, { before, all: new Set([...before, ...needed(entry.depends)]) }];
    }),
  );
}

/** The packages and everything that they need, directly or not. */
function reachedFrom(start: Iterable<BinaryPackage>, graph: Graph): Set<BinaryPackage> {
  const reached = new Set(start);
  for (const entry of reached) for (const other of graph.get(entry)!.all) reached.add(other);
  return reached;
}

/**
 * The order in which dpkg can install what is selected: each group in one run, when the groups before it are
 * configured. The first holds the essential packages and what they need, which every maintainer script may use (Debian
 * policy, section 3.8). No package comes before what it needs, and none in the same group with what its `Pre-Depends`
 * name (section 7.2); where packages need each other in a circle, they share a group.
 */
export function installOrder(packages: readonly BinaryPackage[]): BinaryPackage[][] {
  const graph = graphOf(packages);
  const essential = reachedFrom(
    packages.filter(entry => entry.essential),
    graph,
  );
  const reaches = new Map<BinaryPackage, Set<BinaryPackage>>();
  const reach = (entry: BinaryPackage) => {
    const known = reaches.get(entry) ?? reachedFrom([entry], graph);
    reaches.set(entry, known);
    return known;
  };
  const depths = new Map(packages.map(entry => [entry, essential.has(entry) ? 0 : 1]));
  for (let changed = true; changed; ) {
    changed = false;
    for (const entry of packages) {
      if (essential.has(entry)) continue;
      const { before, all } = graph.get(entry)!;
      let depth = depths.get(entry)!;
      for (const other of all) {
        const strictly = before.has(other) && !reach(other).has(entry);
        depth = Math.max(depth, depths.get(other)! + (strictly ? 1 : 0));
      }
      if (depth === depths.get(entry)) continue;
      depths.set(entry, depth);
      changed = true;
    }
  }
  const byDepth = Map.groupBy(packages, entry => depths.get(entry)!);
  return [...byDepth.entries()].sort(([a], [b]) => a - b).map(([, group]) => group);
}
