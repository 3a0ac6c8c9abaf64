import { spawnSync } from 'node:child_process';
import type { RuntimeConfig, RuntimeHook } from '../oci.ts';

type HookName = keyof NonNullable<RuntimeConfig['hooks']>;

/** Runs the hooks of some moments, each with the container's state on its standard input. @throws Error if one fails */
export function runHooks(config: RuntimeConfig, bundle: string, ...moments: readonly HookName[]): void {
  // OCI runtime specification, runtime.md, "State".
  const state = JSON.stringify({
    ociVersion: config.ociVersion,
    id: 'stagecraft',
    status: 'creating',
    pid: 1,
    bundle,
  });
  for (const moment of moments) for (const hook of config.hooks?.[moment] ?? []) run(hook, state);
}

function run({ path, args = [], env = [], timeout }: RuntimeHook, input: string): void {
  const { status, signal, error, stderr } = spawnSync(path, args.slice(1), {
    ...(args[0] !== undefined && { argv0: args[0] }),
    env: Object.fromEntries(
      env.map(each => [each.slice(0, each.indexOf('=')), each.slice(each.indexOf('=') + 1)]),
    ),
    input,
    encoding: 'utf8',
    ...(timeout !== undefined && { timeout: timeout * 1000 }),
  });
  if (status === 0) return;
  const reason = stderr?.trim() || error?.message || `it ended with ${signal ?? status}`;
  throw new Error(`the hook ${path} failed: ${reason}`);
}
