import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { StagecraftError } from '../util/errors.ts';
import type { Bundle } from './bundle.ts';
import { configText, withSeccomp } from './filter.ts';
import type { Rung } from './runtime.ts';
import { shellCommand } from './shell.ts';
import type { SandboxSpec } from './types.ts';

/**
 * The rung that every machine has: util-linux makes the namespaces, and a small runtime of our own (init/main.ts) in
 * Node.js does the rest. Its process 1 is the sandboxed program, which could call off its death with its parent; so a
 * shell is process 1 of a namespace around it.
 */
export function builtinRung(): Rung {
  return {
    name: 'builtin',
    mounts: [],
    terminal: 'ours',
    depth: 3,
    command(bundle: Bundle, spec) {
      refuseLateHooks(spec);
      const config = bundle.files.add(
        configText(withSeccomp(bundle.config, spec, { program: true, rules: false })),
      );
      bundle.showConfig(config);
      return `${shellCommand([
        ...['unshare', '--mount', '--pid', '--fork', '--kill-child', '--ipc', '--uts'],
        ...namespaceOptions(bundle, spec),
        ...[process.execPath, initProgram(), config, bundle.log.path, bundle.scratch],
      ])}; exit $?`;
    },
  };
}

/** By the time for these the runtime has become the program. */
function refuseLateHooks({ devices }: SandboxSpec): void {
  const hook = devices?.hooks.find(({ name }) => name === 'poststart' || name === 'poststop');
  if (hook !== undefined)
    throw new StagecraftError(
      'unsupported',
      `The built-in sandbox cannot run ${hook.path}, a ${hook.name} hook of a device of this step.`,
      { hint: 'Install crun or runc.' },
    );
}

function namespaceOptions(bundle: Bundle, spec: SandboxSpec): string[] {
  const options = spec.network === 'none' ? ['--net'] : [];
  if (bundle.config.linux.namespaces.some(({ type }) => type === 'cgroup')) options.push('--cgroup');
  return options;
}

/** The built-in runtime's program: beside this file in the sources, a file of its own in the bundle. */
function initProgram(): string {
  const places = ['./init/main.ts', './sandbox-init.js', '../sandbox-init.js'];
  return places
    .map(place => fileURLToPath(new URL(place, import.meta.url)))
    .find(place => existsSync(place))!;
}
