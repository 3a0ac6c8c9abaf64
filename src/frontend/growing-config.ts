import type { ContainerConfig } from '../image/types.ts';
import { replaceInList, splitEntry } from './env.ts';
import { configure } from './images.ts';
import type { StagePlan } from './stage-plan.ts';

// Members of a config that grow with each instruction. A stage copies what its base has once and then changes its own
// copy, since a Dockerfile may have thousands of such instructions, and an EXPOSE names up to 65,536 ports.

type Growing = 'Labels' | 'ExposedPorts' | 'Volumes';

/** The stage's own labels, ports or volumes, to be changed in place. */
export function ownMembers<Key extends Growing>(
  stage: StagePlan,
  key: Key,
): NonNullable<ContainerConfig[Key]> {
  const now = stage.image.config?.[key];
  if (now !== undefined && stage.own.has(now)) return now;
  const copy: NonNullable<ContainerConfig[Key]> = { ...now };
  stage.own.add(copy);
  stage.image = configure(stage.image, { [key]: copy });
  return copy;
}

/** Sets a member, also the one called `__proto__`, to which an assignment would do something else. */
export function setMember<Value>(members: Record<string, Value>, name: string, value: Value): void {
  if (name !== '__proto__') members[name] = value;
  else Object.defineProperty(members, name, { value, enumerable: true, configurable: true, writable: true });
}

const places = new WeakMap<readonly string[], Map<string, number>>();

/** Sets a variable in the config's environment, where it stays in its place. */
export function setVariable(stage: StagePlan, name: string, value: string): void {
  const list = ownEnvironment(stage);
  const known = places.get(list)!;
  if (name.includes('=')) {
    stage.image = configure(stage.image, { Env: replaceInList(list, name, value) });
    return;
  }
  const at = known.get(name) ?? list.length;
  known.set(name, at);
  list[at] = `${name}=${value}`;
}

function ownEnvironment(stage: StagePlan): string[] {
  const now = stage.image.config?.Env ?? [];
  if (stage.own.has(now)) return now;
  const copy = [...now];
  stage.own.add(copy);
  // Of two entries of one name the first one is set.
  places.set(copy, new Map(copy.map((entry, at) => [splitEntry(entry)[0], at] as const).reverse()));
  stage.image = configure(stage.image, { Env: copy });
  return copy;
}
