import type { StagePlan } from '../../frontend/stage-plan.ts';
import { ownPage } from '../pages.ts';
import { placeOfFrom } from '../stages.ts';
import type { PlanSubject, Rule } from '../types.ts';

const name = 'UnusedStage';

/** A stage that no other one uses, and that is not there to be built for itself. */
export const unusedStage: Rule<PlanSubject> = {
  name,
  description: 'A stage should be used by another one, or be there to be built by its name',
  url: ownPage(name),
  level: 'advice',
  check({ stages, target }, report) {
    const used = new Set(
      stages.flatMap(stage => [...stage.dependencies, ...(stage.base ? [stage.base] : [])]),
    );
    const unused = stages.filter(
      stage => !used.has(stage) && stage !== target && stage !== stages.at(-1) && !isAlias(stage),
    );
    // A file with one stage to be built by its name is likely to have more of them.
    const isByName = unused.some(isTarget);
    for (const stage of unused) {
      if (stage.name !== undefined && (isByName || stages.some(other => mayName(other, stage.name ?? ''))))
        continue;
      report({
        message:
          stage.name === undefined
            ? `Nothing uses stage ${stage.title}, and it has no name to build it by; remove it`
            : `Nothing uses stage ${stage.title}; remove it, or say what it is for in a comment "# ${stage.name} ..." above its FROM`,
        range: placeOfFrom(stage),
      });
    }
  },
};

/** Words of names that are given to stages in order to build them with `--target` or `--require`. */
const purposes =
  /(?:^|[-_.])(?:a?ll|artifacts?|bench(?:mark)?s?|binar(?:y|ies)|check(?:s|er)?|ci|cd|cover(?:age)?|cross|debug(?:ger)?|default|deploy|dev(?:el(?:opment)?)?|devcontainer|docs?|e2e|export(?:er)?|final|fmt|format(?:ter)?|gen(?:erate)?|image|integration|lint(?:er|ing)?|local|main|minimal|package|prod(?:uction)?|publish|release|run(?:ner|time)?|scan|server|shell|slim|specs?|staging|test(?:s|er|ing)?|tools?|update|validate|vendor|verify|vet|worker|web|api|app)(?:$|[-_.\d])/;

/** A name for an image, and nothing more: some keep versions in one place so. */
function isAlias(stage: StagePlan): boolean {
  return stage.name !== undefined && stage.stage?.instructions.length === 0;
}

function isTarget({ stage, name: stageName }: StagePlan): boolean {
  return stage?.comment !== undefined || purposes.test(stageName ?? '');
}

/** True if a variable in the other's FROM could have made it this stage: `FROM build-${TARGETARCH}`. */
function mayName(other: StagePlan, stageName: string): boolean {
  const written = other.stage?.baseName ?? '';
  if (stageName === '' || !written.includes('$')) return false;
  const [first, ...rest] = written.toLowerCase().split(/\$(?:\w+|\{[^}]*\})/);
  const last = rest.pop() ?? '';
  if (!stageName.startsWith(first!) || !stageName.endsWith(last)) return false;
  let at = first!.length;
  for (const part of rest) {
    at = stageName.indexOf(part, at);
    if (at < 0) return false;
    at += part.length;
  }
  return at <= stageName.length - last.length;
}
