import { readFileSync } from 'node:fs';
import { planningRules } from '../frontend/warnings.ts';
import { planningPage } from '../lint/planning.ts';
import { rules } from '../lint/registry.ts';
import { StagecraftError } from '../util/errors.ts';
import { suggest } from '../util/suggest.ts';

interface Explained {
  readonly description: string;
  readonly url: string | undefined;
}

/** What there is to read about a rule: our own page, or a line and the address of BuildKit's. @throws StagecraftError `usage` */
export function explainRule(name: string): string {
  const all = knownRules();
  const known = [...all.keys()].find(each => each.toLowerCase() === name.toLowerCase());
  if (known === undefined) {
    const meant = suggest(name, all.keys());
    throw new StagecraftError('usage', `There is no rule ${name}.`, {
      hint:
        meant === undefined ? `There are ${[...all.keys()].sort().join(', ')}.` : `Did you mean ${meant}?`,
    });
  }
  const { description, url } = all.get(known)!;
  if (url?.startsWith('docs/')) return readFileSync(new URL(`../../${url}`, import.meta.url), 'utf8');
  return `${known}: ${description}\n${url === undefined ? '' : `${url}\n`}`;
}

function knownRules(): Map<string, Explained> {
  const applied = [...rules.syntax, ...rules.plan, ...rules.image];
  const planned = Object.entries(planningRules).map(([name, description]): [string, Explained] => [
    name,
    { description, url: planningPage(name) },
  ]);
  return new Map([...planned, ...applied.map((rule): [string, Explained] => [rule.name, rule])]);
}
