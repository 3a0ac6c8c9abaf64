import type { Planner } from './planner.ts';
import type { StagePlan } from './stage-plan.ts';

/** What `docker history` shows as comment of a Dockerfile's entries. */
const comment = 'buildkit.dockerfile.v0';

/**
 * Adds an entry to the image's history.
 * @param layer true exactly if the instruction made one
 */
export function addHistory(planner: Planner, stage: StagePlan, text: string, layer: boolean): void {
  const { epoch, budget } = planner;
  budget.spend(text.length);
  const entry = {
    ...(epoch !== undefined && { created: timeOf(epoch) }),
    created_by: text,
    comment,
    ...(!layer && { empty_layer: true }),
  };
  stage.history.push(entry);
}

/** RFC 3339 without fractions, as Go writes whole seconds. */
export function timeOf(epoch: number): string {
  return new Date(epoch * 1000).toISOString().replace('.000Z', 'Z');
}

/** The build arguments as a RUN's entry lists them before the command: `|2 A=1 B=2 `. */
export function argumentPrefix(stage: StagePlan): string {
  const values = new Map<string, string>();
  for (const { key, value } of stage.buildArgs) {
    values.set(key, `${key}=${stage.env.get(key) ?? value ?? ''}`);
  }
  return values.size === 0 ? '' : `|${values.size} ${[...values.values()].join(' ')} `;
}
