import { spawnSync } from 'node:child_process';
import { closeSync, readFileSync } from 'node:fs';
import { makeSealedFile } from '../syscall/pipe.ts';
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
export function openCrun(path: string): Rung {
  // crun refuses to work where both versions of control groups are mounted and the second has controllers.
  const unified =
    surroundings().cgroups === 'hybrid' ? cgroupMounts().filter(({ version }) => version === 2) : [];
  const { version, copy } = programAt(path);
  const remounts = remountsRoot(version);
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
        copy === undefined ? path : bundle.files.lend(copy),
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

/** A crun of this machine. */
interface Program {
  /** What it says its version is; empty if it does not say. */
  readonly version: string;
  /**
   * A copy in memory that nobody can change. Before it does anything a crun makes one of itself, from which it starts
   * again, so that no container can write to the machine's (CVE-2019-5736); it spares itself that where it is started
   * from one. Nothing where files in memory must not be executed.
   */
  readonly copy: number | undefined;
}

const programs = new Map<string, Program>();

function programAt(path: string): Program {
  const program = programs.get(path) ?? lookAt(path);
  programs.set(path, program);
  return program;
}

function lookAt(path: string): Program {
  const copy = makeSealedFile(readFileSync(path));
  // Where the program finds the first descriptor after its standard streams.
  const version = versionOf('/proc/self/fd/3', copy);
  if (version !== '') return { version, copy };
  closeSync(copy);
  return { version: versionOf(path), copy: undefined };
}

function versionOf(program: string, ...more: number[]): string {
  const { stdout } = spawnSync(program, ['--version'], {
    stdio: ['ignore', 'pipe', 'ignore', ...more],
    encoding: 'utf8',
  });
  return /version (\S+)/.exec(stdout)?.[1] ?? '';
}
