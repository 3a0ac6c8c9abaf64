import { file, type Tree } from '../llb/index.ts';
import { parseBoolean } from '../util/boolean.ts';
import type { Planner } from './planner.ts';
import { reachableFrom, type StagePlan } from './stage-plan.ts';

/** What bills of materials are made of besides the image. */
export interface Scanned {
  /** `context`, or the name of a stage. */
  readonly name: string;
  readonly tree: Tree;
}

/**
 * The build context and the stages that a Dockerfile wants looked at too: by `BUILDKIT_SBOM_SCAN_CONTEXT` in the target
 * stage, and `BUILDKIT_SBOM_SCAN_STAGE` in a stage that is built (BuildKit's docs/attestations/sbom.md). Both may stand
 * before the first `FROM`; build arguments count only where the Dockerfile has one of them.
 */
export function scannedBesides(planner: Planner, target: StagePlan): Scanned[] {
  const stages = [...reachableFrom([target])]
    .filter(stage => stage !== target && stage.stage !== undefined)
    .filter(stage => isWanted(planner, stage, 'BUILDKIT_SBOM_SCAN_STAGE'));
  // All of their files are looked at.
  for (const stage of stages) stage.usedPaths.add('/');
  const scanned = stages.map((stage): Scanned => ({ name: nameOf(stage), tree: stage.tree }));
  if (isWanted(planner, target, 'BUILDKIT_SBOM_SCAN_CONTEXT'))
    scanned.push({ name: 'context', tree: contextFiles(planner) });
  return scanned.sort((a, b) => (a.name < b.name ? -1 : 1));
}

function nameOf({ stage, index }: StagePlan): string {
  return stage?.name ?? `stage-${index}`;
}

/** True, or a list of stages that the stage is in; what the stage says goes before what stands above all. */
function isWanted({ globalArgs }: Planner, stage: StagePlan, name: string): boolean {
  const own = stage.buildArgs.findLast(({ key, value }) => key === name && value !== undefined)?.value;
  const value = own ?? globalArgs.get(name);
  if (value === undefined) return false;
  return parseBoolean(value) ?? value.split(',').includes(nameOf(stage));
}

/** A context is read where it lies; to be looked at like an image, its files are taken into a layer. */
function contextFiles({ context }: Planner): Tree {
  const copy = { from: context, src: '/', dest: '/', dirContentsOnly: true, createDestPath: true } as const;
  return file(undefined, [{ do: 'copy', ...copy }], {
    name: '[internal] take in the build context to be scanned',
  });
}
