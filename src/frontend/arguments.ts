import type { ArgInstruction } from '../dockerfile/types.ts';
import { formatPlatform } from '../image/platform.ts';
import type { Platform } from '../image/types.ts';
import type { ProxyEnv } from '../llb/index.ts';
import { parseBoolean } from '../util/boolean.ts';
import { StagecraftError } from '../util/errors.ts';
import { Env } from './env.ts';
import { formatFully } from './step-name.ts';
import type { FrontendRequest } from './types.ts';

/** Variables that FROM may use, and stages by an ARG of that name: about platforms and the target. */
export function predefinedArgs(request: FrontendRequest, target: string): Env {
  const about = (prefix: string, platform: Platform, whole: string): [string, string][] => [
    [`${prefix}PLATFORM`, whole],
    [`${prefix}OS`, platform.os],
    [`${prefix}OSVERSION`, platform['os.version'] ?? ''],
    [`${prefix}ARCH`, platform.architecture],
    [`${prefix}VARIANT`, platform.variant ?? ''],
  ];
  const { buildPlatform, targetPlatform } = request;
  const entries: [string, string][] = [
    ...about('BUILD', buildPlatform, formatPlatform(buildPlatform)),
    ...about('TARGET', targetPlatform, formatFully(targetPlatform)),
    ['TARGETSTAGE', target],
  ];
  return Env.from(entries.map(([name, value]) => [name, request.buildArgs.get(name) ?? value]));
}

/**
 * A `BUILDKIT_*` argument that is on or off, by the words of Go's ParseBool; nothing if it is not given.
 * @throws StagecraftError `usage`
 */
export function switchOf(buildArgs: ReadonlyMap<string, string>, name: string): boolean | undefined {
  const text = buildArgs.get(name);
  if (!text) return undefined;
  const on = parseBoolean(text);
  if (on !== undefined) return on;
  throw new StagecraftError('usage', `The build argument ${name} is "${text}".`, {
    hint: 'Set it to true or false.',
  });
}

/**
 * Adds the ARGs before the first FROM. A default may use those before it.
 * @param expand a word with the variables known so far
 */
export function withMetaArgs(
  predefined: Env,
  metaArgs: readonly ArgInstruction[],
  buildArgs: ReadonlyMap<string, string>,
  expand: (word: string, env: Env, instruction: ArgInstruction) => string,
): Env {
  let env = predefined;
  for (const instruction of metaArgs) {
    for (const arg of instruction.args) {
      const given = buildArgs.get(arg.key);
      const value = given ?? (arg.value === undefined ? undefined : expand(arg.value, env, instruction));
      if (value !== undefined) env = env.set(arg.key, value);
    }
  }
  return env;
}

/**
 * The proxies among the build arguments. They reach every process of the build, yet are in no cache key, config or
 * history, unless the Dockerfile declares an ARG of that name.
 */
export function proxiesOf(buildArgs: ReadonlyMap<string, string>): ProxyEnv | undefined {
  const proxies: ProxyEnv = { httpProxy: '', httpsProxy: '', ftpProxy: '', noProxy: '', allProxy: '' };
  let any = false;
  for (const name of [...buildArgs.keys()].sort()) {
    const key = proxyNames[name.toLowerCase()];
    if (key === undefined) continue;
    proxies[key] = buildArgs.get(name) as string;
    any = true;
  }
  return any ? proxies : undefined;
}

const proxyNames: Record<string, keyof ProxyEnv> = {
  http_proxy: 'httpProxy',
  https_proxy: 'httpsProxy',
  ftp_proxy: 'ftpProxy',
  no_proxy: 'noProxy',
  all_proxy: 'allProxy',
};

/** Arguments to the builder itself, which are not for processes. */
export const builderArgs: ReadonlySet<string> = new Set([
  'BUILDKIT_SBOM_SCAN_CONTEXT',
  'BUILDKIT_SBOM_SCAN_STAGE',
]);
