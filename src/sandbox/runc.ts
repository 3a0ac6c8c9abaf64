import { realpathSync } from 'node:fs';
import type { Bundle } from './bundle.ts';
import { configText, withSeccomp } from './filter.ts';
import { mountOf, readMounts } from './mountinfo.ts';
import type { RuntimeConfig } from './oci.ts';
import type { Rung } from './runtime.ts';
import { shellCommand } from './shell.ts';
import { cgroupMounts, surroundings } from './surroundings.ts';

/** runc, the reference runtime. */
export function runcRung(path: string): Rung {
  const { cgroups: mode, inUserNamespace } = surroundings();
  return {
    name: 'runc',
    // A control group that it cannot make, and was told it may do without, is none that a crash could leave behind.
    // In a user namespace it may make none anyway.
    mounts:
      mode === 'v2'
        ? []
        : cgroupMounts().map(({ target }) => ({
            source: 'stagecraft',
            target,
            type: 'tmpfs',
            options: ['ro'],
          })),
    terminal: 'runtime',
    depth: 1,
    command(bundle: Bundle, spec) {
      const config = bundle.files.add(
        configText(
          withSeccomp(keepingFlags(bundle.config, bundle.scratch), spec, { program: false, rules: true }),
        ),
      );
      if (!bundle.showConfig(config)) bundle.prepare(['ln', '-s', config, `${bundle.scratch}/config.json`]);
      if (mode === 'v2' && !inUserNamespace)
        bundle.prepare(['mount', '-o', 'remount,bind,ro', '/sys/fs/cgroup']);
      return `exec ${shellCommand([
        path,
        '--rootless=true',
        `--root=${bundle.scratch}/state`,
        `--log=${bundle.log.path}`,
        '--log-format=json',
        'run',
        `--bundle=${bundle.scratch}`,
        'stagecraft',
      ])}`;
    },
  };
}

/** Flags of a mount that a user namespace must not take away, and that runc does not keep by itself. */
const locked = ['nosuid', 'nodev', 'noexec', 'noatime', 'nodiratime'];

/** A configuration whose bind mounts keep the flags that their sources have outside of the sandbox. */
function keepingFlags(config: RuntimeConfig, scratch: string): RuntimeConfig {
  if (!surroundings().inUserNamespace) return config;
  const mounts = readMounts();
  return {
    ...config,
    mounts: config.mounts.map(each => {
      if (each.type !== 'bind' || each.source.startsWith(`${scratch}/`)) return each;
      const flags = mountOf(realpathSync(each.source), mounts)?.flags ?? [];
      return { ...each, options: [...each.options, ...flags.filter(flag => locked.includes(flag))] };
    }),
  };
}
