import { execFile } from 'node:child_process';
import type { Bundle } from './bundle.ts';
import { deviceOptions } from './config.ts';
import { configText, withSeccomp } from './filter.ts';
import type { RuntimeConfig } from './oci.ts';
import type { Rung } from './runtime.ts';
import { quote, shellCommand } from './shell.ts';
import { cgroupMounts, surroundings } from './surroundings.ts';

/** Where a hook finds the tools of the system. */
const toolPath = '/usr/sbin:/usr/bin:/sbin:/bin';

/**
 * crun, the fastest runtime. It gets the seccomp filter as a finished program (an annotation of its own), since to
 * compile it from rules takes it longer than all the rest; the rules are there too, for a crun without it.
 */
export async function openCrun(path: string): Promise<Rung> {
  // crun refuses to work where both versions of control groups are mounted and the second has controllers.
  const unified =
    surroundings().cgroups === 'hybrid' ? cgroupMounts().filter(({ version }) => version === 2) : [];
  const remounts = remountsRoot(await versionOf(path));
  return {
    name: 'crun',
    mounts: unified.map(({ target }) => ({ source: 'stagecraft', target, type: 'tmpfs', options: ['ro'] })),
    terminal: 'runtime',
    depth: 1,
    command(bundle: Bundle, spec) {
      const filtered = withSeccomp(bundle.config, spec, { program: true, rules: true });
      const text = configText(withRootFlags(filtered, deviceOptions(spec), remounts));
      const config = bundle.files.add(text);
      bundle.showConfig(config);
      // Without being told where, crun makes a copy of itself in /tmp, which a crash would leave there.
      return `_LIBCONTAINER_STATEDIR=${quote(bundle.scratch)} exec ${shellCommand([
        path,
        '--cgroup-manager=disabled',
        `--root=${bundle.scratch}/state`,
        `--log=${bundle.log.path}`,
        '--log-format=json',
        'run',
        `--config=${config}`,
        `--bundle=${bundle.scratch}`,
        'stagecraft',
      ])}`;
    },
  };
}

/**
 * crun mounts the root once more without its flags, also without that which keeps device nodes from being opened. This
 * puts them back before the program starts: through a mount that is a remount, where crun passes such a one on to the
 * kernel, else through a hook, which takes some milliseconds more. A user namespace's own mounts do not need it.
 */
function withRootFlags(config: RuntimeConfig, flags: readonly string[], remounts: boolean): RuntimeConfig {
  if (flags.length === 0 || surroundings().inUserNamespace) return config;
  const options = ['remount', 'bind', ...flags];
  if (remounts) {
    const root = { destination: '/.', type: 'bind', source: config.root.path, options };
    return { ...config, mounts: [...config.mounts, root] };
  }
  // A hook that does not read what it is told on standard input may be gone before it is told, a failure to crun.
  const script = `read -r _; exec ${shellCommand(['mount', '-o', options.join(), config.root.path])}`;
  const hook = { path: '/bin/sh', args: ['sh', '-c', script], env: [`PATH=${toolPath}`] };
  const createContainer = [hook, ...(config.hooks?.createContainer ?? [])];
  return { ...config, hooks: { ...config.hooks, createContainer } };
}

/** True for the versions that were looked at, from 1.8 to 1.26: they hand a bind mount's flags to mount(2) as they are. */
function remountsRoot(version: string): boolean {
  const [major, minor] = version.split('.').map(Number);
  return major === 1 && minor !== undefined && minor >= 8 && minor <= 26;
}

const versions = new Map<string, Promise<string>>();

/** What a crun says its version is, asked once; empty if it does not say. */
function versionOf(path: string): Promise<string> {
  const known = versions.get(path);
  if (known !== undefined) return known;
  const asked = new Promise<string>(resolve => {
    execFile(path, ['--version'], (_, stdout) => resolve(/version (\S+)/.exec(stdout)?.[1] ?? ''));
  });
  versions.set(path, asked);
  return asked;
}
