import { formatPlatform, normalizePlatform, parsePlatform } from '../image/platform.ts';
import type { Platform } from '../image/types.ts';
import type { Env } from './env.ts';
import type { StagePlan } from './stage-plan.ts';

/**
 * The name of a numbered step as progress shows it: `[builder 2/5] RUN make`; with several platforms
 * `[linux/amd64->arm64 builder 2/5] RUN make` for one that builds for another.
 * @param again the same number as the step before, for a step of several operations
 */
export function stepName(
  stage: StagePlan,
  text: string,
  platform: { shown: boolean; of: Platform; env: Env },
  again = false,
): string {
  const shown = platform.shown ? formatFully(platform.of) + crossSuffix(platform.of, platform.env) : '';
  return stage.stepPrefix(shown, again) + text;
}

/** With the version of the operating system, where there is one: `windows(10.0.17763)/amd64`. */
export function formatFully(platform: Platform): string {
  const version = platform['os.version'];
  return formatPlatform({ ...platform, os: version ? `${platform.os}(${version})` : platform.os });
}

/** What the `TARGET...` variables say that is being built for, where it is not the stage's own platform. */
function crossSuffix(base: Platform, env: Env): string {
  const target = targetOf(base, env);
  if (target === undefined) return '';
  if (target.os !== base.os) return `->${formatFully(target)}`;
  if (target.architecture === base.architecture) return '';
  return `->${[target.architecture, target.variant].filter(Boolean).join('/')}`;
}

function targetOf(base: Platform, env: Env): Platform | undefined {
  const whole = env.get('TARGETPLATFORM');
  if (whole !== undefined) {
    try {
      return normalizePlatform(parsePlatform(whole));
    } catch {
      // Somebody gave the variable a meaning of their own; it says nothing about platforms then.
    }
  }
  const [os, architecture, variant] = ['TARGETOS', 'TARGETARCH', 'TARGETVARIANT'].map(name => env.get(name));
  if (os === undefined && architecture === undefined && variant === undefined) return undefined;
  return normalizePlatform({
    os: os || base.os,
    architecture: architecture || base.architecture,
    ...(variant && { variant }),
  });
}

/** The first word in capitals, as keywords are shown whatever way they were written. */
export function capitalizeKeyword(text: string): string {
  const at = text.indexOf(' ');
  return at < 0 ? text.toUpperCase() : text.slice(0, at).toUpperCase() + text.slice(at);
}
