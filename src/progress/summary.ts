import { printable } from '../util/printable.ts';
import { groupByStage } from './stages.ts';
import { type BuildTrace, isCompleted, type Step, secondsAtWork } from './trace.ts';
import { formatSeconds } from './units.ts';

/**
 * Where the time of a build went, in one line: `14 steps, 9 cached; deps 3.2s, builder 8.1s; slowest: 6.0s [builder 3/5] RUN make`. Empty when
 * nothing took a tenth of a second, or there was one step only, which said it itself.
 */
export function summarize(trace: BuildTrace): string {
  const steps = trace.started.filter(isCompleted);
  const seconds = (step: Step): number => secondsAtWork([step], 0);
  const slowest = steps.reduce<Step | undefined>(
    (most, step) => (most && seconds(most) >= seconds(step) ? most : step),
    undefined,
  );
  if (!slowest || steps.length === 1 || seconds(slowest) < 0.1) return '';
  const cached = steps.filter(step => step.cached).length;
  const stages = groupByStage(steps)
    .filter(group => group.isStage)
    .map(group => ({ title: group.title, seconds: secondsAtWork(group.steps, 0) }))
    .filter(stage => stage.seconds >= 0.1)
    .map(stage => `${stage.title} ${formatSeconds(stage.seconds)}`);
  const parts = [`${steps.length} steps, ${cached} cached`];
  if (stages.length > 1) parts.push(stages.join(', '));
  parts.push(`slowest: ${formatSeconds(seconds(slowest))} ${printable(slowest.name)}`);
  return parts.join('; ');
}
