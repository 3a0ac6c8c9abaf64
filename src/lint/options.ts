import { StagecraftError } from '../util/errors.ts';

/** Which rules count, as `# check=` says it. */
export interface CheckOptions {
  /** Rules that are not looked at. */
  readonly skip: RuleSet;
  /** Rules that are looked at although they are experimental. */
  readonly experimental: RuleSet;
  /** True if a finding fails the build. */
  readonly error: boolean;
}

export type RuleSet = 'all' | ReadonlySet<string>;

export const defaultOptions: CheckOptions = { skip: new Set(), experimental: new Set(), error: false };

/**
 * Reads `skip=A,B;error=true;experimental=all`.
 * @param what is read, for messages
 * @throws StagecraftError `dockerfile` without a place
 */
export function parseCheckOptions(text: string, what: string): CheckOptions {
  const trimmed = text.trim();
  let options = defaultOptions;
  if (trimmed === '') return options;
  for (const part of splitAtMost(trimmed, 3)) {
    const equals = part.indexOf('=');
    const key = part.slice(0, Math.max(equals, 0)).trim();
    const value = part.slice(equals + 1).trim();
    if (key === 'skip' || key === 'experimental') options = { ...options, [key]: parseRules(value) };
    else if (key === 'error') options = { ...options, error: parseBoolean(value, what) };
    else throw invalid(what, `"${part.trim()}" is no option of it`);
  }
  return options;
}

/** As BuildKit cuts them: whatever follows the third belongs to it. */
function splitAtMost(text: string, count: number): string[] {
  const parts = text.split(';');
  return parts.length <= count ? parts : [...parts.slice(0, count - 1), parts.slice(count - 1).join(';')];
}

function parseRules(value: string): RuleSet {
  return value === 'all' ? 'all' : new Set(value.split(',').map(name => name.trim()));
}

function parseBoolean(value: string, what: string): boolean {
  if (/^(?:1|t|T|true|TRUE|True)$/.test(value)) return true;
  if (/^(?:0|f|F|false|FALSE|False)$/.test(value)) return false;
  throw invalid(what, `error is true or false, not "${value}"`);
}

function invalid(what: string, reason: string): StagecraftError {
  return new StagecraftError('dockerfile', `${what} cannot be read: ${reason}.`, {
    hint: 'It is skip=RULE,RULE or skip=all, experimental=RULE or experimental=all, and error=true, with ";" between.',
  });
}

/** Both together; what one skips is skipped. */
export function mergeOptions(one: CheckOptions, other: CheckOptions): CheckOptions {
  return {
    skip: union(one.skip, other.skip),
    experimental: union(one.experimental, other.experimental),
    error: one.error,
  };
}

function union(one: RuleSet, other: RuleSet): RuleSet {
  return one === 'all' || other === 'all' ? 'all' : new Set([...one, ...other]);
}

/** False for a rule that is skipped, or experimental and not asked for. An experimental one cannot be skipped. */
export function isWanted(options: CheckOptions, rule: string, experimental: boolean): boolean {
  return experimental ? has(options.experimental, rule) : !has(options.skip, rule);
}

function has(set: RuleSet, rule: string): boolean {
  return set === 'all' || set.has(rule);
}
