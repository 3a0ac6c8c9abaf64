import type { FrontendResult } from '../frontend/types.ts';
import { formatPlatform } from '../image/platform.ts';
import type { Definition } from '../llb/index.ts';
import { StagecraftError } from '../util/errors.ts';

/** What a build must reach for anything to be written: an image for a platform, or a required stage. */
export interface Goal {
  readonly definition: Definition;
  /** The title of a required stage. */
  readonly stage?: string;
  /** Of what a bill of materials is made besides the image: which image's, by the position of its plan. */
  readonly scanned?: { readonly plan: number; readonly name: string };
  /** Where the build is for several platforms: that of this goal. */
  readonly platform?: string;
}

/** The images, in the order of the plans, then what is scanned besides, then the required stages. */
export function goalsOf(plans: readonly FrontendResult[]): Goal[] {
  const of = ({ platform }: FrontendResult) => plans.length > 1 && { platform: formatPlatform(platform) };
  return [
    ...plans.map(plan => ({ definition: plan.definition, ...of(plan) })),
    ...plans.flatMap((plan, i) =>
      plan.scanned.map(({ name, definition }) => ({ definition, scanned: { plan: i, name }, ...of(plan) })),
    ),
    ...plans.flatMap(plan => plan.required.map(stage => ({ ...stage, ...of(plan) }))),
  ];
}

/**
 * Adds to the error of a step what it means: which required stages it was for, where the image itself does not need it,
 * and for which platform, where others do not need it.
 * @param goals those that need the step
 */
export function explainGoals(error: unknown, goals: readonly Goal[]): unknown {
  if (!(error instanceof StagecraftError) || error.code === 'cancelled') return error;
  const sentence = consequenceFor(goals);
  if (sentence === undefined) return error;
  const { code, message, hint, cause, exitCode, range } = error;
  return new StagecraftError(code, message, {
    hint: hint === undefined ? sentence : `${hint}\n${sentence}`,
    cause,
    exitCode,
    range,
  });
}

function consequenceFor(goals: readonly Goal[]): string | undefined {
  const images = goals.filter(goal => goal.stage === undefined);
  const platforms = new Set((images.length > 0 ? images : goals).map(goal => goal.platform));
  const [platform] = platforms.size === 1 ? platforms : [];
  const where = platform === undefined ? '' : ` for ${platform}`;
  if (images.length > 0) return where === '' ? undefined : `It is a step of the image${where}.`;
  const stages = [...new Set(goals.map(goal => goal.stage))];
  if (stages.length === 0) return undefined;
  const failed = stages.length === 1 ? `stage ${stages[0]}` : `stages ${stages.join(', ')}`;
  return `The required ${failed} failed${where}, so no image was made.`;
}
