import { parseBoolean } from '../util/boolean.ts';
import { StagecraftError } from '../util/errors.ts';
import { type Owner, type OwnerType, ownerTypes } from './owners.ts';
import { type Sizes, totalOf } from './sizes.ts';

/** A condition on what to remove: `type=step`, `id!=...`, `description~=npm`, `shared=true`. */
export interface Filter {
  readonly key: 'type' | 'id' | 'description' | Trait;
  readonly operator: '=' | '!=' | '~=';
  readonly value: string;
}

/** What something is or is not: in use by a build; needed by an image too; a directory that steps write to. */
type Trait = 'inuse' | 'shared' | 'mutable';

/** How large a store may be, in bytes. */
export interface StorageLimits {
  /** At most so much is used. */
  readonly maxUsed?: number | undefined;
  /** So much of the disk stays free, where the store can help it. */
  readonly minFree?: number | undefined;
  /** So much is always allowed. */
  readonly reserved?: number | undefined;
}

/** What BuildKit calls our types. */
const otherNames: Readonly<Record<string, readonly OwnerType[]>> = {
  regular: ['step', 'base'],
  internal: ['unpacked'],
  'exec.cachemount': ['cache-mount'],
  'source.local': ['context'],
  'source.git.checkout': ['repository', 'checkout'],
  // Of images that read Dockerfiles there are none here.
  frontend: [],
};

/** Words for traits, and for not having them. */
const traits: Readonly<Record<string, readonly [trait: Trait, has: boolean]>> = {
  inuse: ['inuse', true],
  shared: ['shared', true],
  private: ['shared', false],
  mutable: ['mutable', true],
  immutable: ['mutable', false],
};

/**
 * Reads a condition as `docker buildx prune` takes it, but for those of time.
 * @throws StagecraftError `usage`
 */
export function parseFilter(text: string): Filter {
  const trait = parseTrait(text);
  if (trait !== undefined) return trait;
  const [, key, operator = '', value = ''] = /^([a-z]+)(==?|!=|~=)(.*)$/s.exec(text) ?? [];
  if (key !== 'type' && key !== 'id' && key !== 'description')
    throw new StagecraftError('usage', `The filter ${text} cannot be understood.`, {
      hint:
        key === 'parents'
          ? 'What is kept here has no parents: layers stand for themselves.'
          : 'There are until=TIME, unused-for=DURATION, type=TYPE, id=ID and description=TEXT, also with != and ~=; and shared, private, mutable, immutable and inuse.',
    });
  if (key === 'type' && operator !== '~=' && !isType(value))
    throw new StagecraftError('usage', `The filter ${text} names a type that does not exist.`, {
      hint: `There are: ${ownerTypes.join(', ')}.`,
    });
  if (operator === '~=') checkPattern(text, value);
  return { key, operator: operator === '==' ? '=' : (operator as Filter['operator']), value };
}

/** `shared`, `shared=true` and `private=false` are one. */
function parseTrait(text: string): Filter | undefined {
  const [, word = '', operator, value] = /^([a-z]+)(?:(==?|!=)(.*))?$/s.exec(text) ?? [];
  if (!Object.hasOwn(traits, word)) return undefined;
  const flag = value === undefined ? true : parseBoolean(value);
  if (flag === undefined) throw new StagecraftError('usage', `The filter ${text} is neither true nor false.`);
  const [key, has] = traits[word]!;
  const holds = has === (flag !== (operator === '!='));
  return { key, operator: '=', value: String(holds) };
}

function checkPattern(filter: string, pattern: string): void {
  try {
    new RegExp(pattern);
  } catch (error) {
    throw new StagecraftError('usage', `The filter ${filter} is no valid pattern.`, { cause: error });
  }
}

function isType(text: string): boolean {
  return text in otherNames || (ownerTypes as readonly string[]).includes(text);
}

/**
 * True where all conditions hold; of several `=` with one key, one must.
 * @param imageParts what images keep
 */
export function matches(
  owner: Owner,
  filters: readonly Filter[],
  imageParts: ReadonlySet<string> = new Set(),
): boolean {
  const alternatives = Map.groupBy(filters, ({ key, operator }) => (operator === '=' ? key : operator));
  for (const [group, members] of alternatives) {
    const held = members.map(filter => holds(owner, filter, imageParts));
    if (group === '!=' || group === '~=' ? held.includes(false) : !held.includes(true)) return false;
  }
  return true;
}

function holds(owner: Owner, { key, operator, value }: Filter, imageParts: ReadonlySet<string>): boolean {
  if (operator === '!=') return !holds(owner, { key, operator: '=', value }, imageParts);
  if (key === 'inuse' || key === 'shared' || key === 'mutable')
    return hasTrait(owner, key, imageParts) === (value === 'true');
  const texts = key === 'id' ? idsOf(owner) : [owner[key]];
  if (operator === '~=') return texts.some(text => new RegExp(value).test(text));
  if (key === 'type' && value in otherNames) return otherNames[value]!.includes(owner.type);
  return texts.some(text => text === value || (isShort(value) && text.startsWith(value)));
}

function hasTrait({ type, parts }: Owner, trait: Trait, imageParts: ReadonlySet<string>): boolean {
  // What is in use is never asked about.
  if (trait === 'inuse') return false;
  if (trait === 'mutable') return type === 'cache-mount';
  return type !== 'image' && parts.some(part => imageParts.has(part));
}

/** The beginning of a digest, as lists show it. */
function isShort(id: string): boolean {
  return /^[0-9a-f]{12,}$/.test(id);
}

/** Its own, and those of what it keeps, as `du --verbose` shows them. */
function idsOf({ id, parts }: Owner): string[] {
  return [id, ...parts.map(part => part.slice(part.lastIndexOf('/') + 1))];
}

/**
 * How many bytes the store may have. As in BuildKit what is reserved is all that is kept where nothing else is said.
 * @param free bytes that are free on its disk
 */
export function allowedSize(total: number, free: number, limits: StorageLimits): number {
  const { maxUsed, minFree, reserved = 0 } = limits;
  if (maxUsed === undefined && minFree === undefined) return reserved;
  const missing = Math.max(0, (minFree ?? 0) - free);
  const none = Number.POSITIVE_INFINITY;
  return Math.max(Math.min(maxUsed ?? none, missing > 0 ? total - missing : none), reserved);
}

/** Those to remove, the longest unused first and no more than needed, so that at most so many bytes are left. */
export function chooseOldest(
  candidates: readonly Owner[],
  all: readonly Owner[],
  sizes: Sizes,
  allowed: number,
): Owner[] {
  const users = new Map<string, number>();
  for (const { parts } of all) for (const part of parts) users.set(part, (users.get(part) ?? 0) + 1);
  let total = totalOf(sizes);
  const chosen: Owner[] = [];
  for (const owner of candidates.toSorted((a, b) => a.lastUsedAt - b.lastUsedAt)) {
    if (total <= allowed) break;
    chosen.push(owner);
    for (const part of owner.parts) {
      const left = users.get(part)! - 1;
      users.set(part, left);
      if (left === 0) total -= sizes.get(part) ?? 0;
    }
  }
  return chosen;
}
