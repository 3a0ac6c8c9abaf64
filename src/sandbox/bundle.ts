import { statSync } from 'node:fs';
import { dirname, posix } from 'node:path';
import { overlayXattrs } from '../snapshot/overlay.ts';
import { RootView } from '../snapshot/root-view.ts';
import type { FileTree, RootFsTree } from '../snapshot/types.ts';
import { bytesFromText, textFromBytes } from '../util/bytes.ts';
import { StagecraftError } from '../util/errors.ts';
import { deviceOptions, runtimeConfig, type Surroundings } from './config.ts';
import { deviceMount, insecureNodes, placeNode } from './devices.ts';
import type { HandedFiles } from './handed.ts';
import { hostsFile, resolvConfPath } from './hosts.ts';
import { makeMountpoints } from './mountpoints.ts';
import type { RuntimeConfig, RuntimeMount } from './oci.ts';
import { formatFstab, type MountLine, type Overlay, overlayLines } from './overlay.ts';
import { requireOwner } from './owners.ts';
import { scratchDirectory } from './scratch.ts';
import { quote, shellCommand } from './shell.ts';
import type { LentSockets } from './sockets.ts';
import { MountStubs } from './stubs.ts';
import { MountTargets } from './targets.ts';
import type { SandboxMount, SandboxSpec } from './types.ts';

/** What a bundle is made with. */
export interface BundleParts {
  readonly files: HandedFiles;
  readonly sockets: LentSockets;
  readonly around: Surroundings;
  /** Mounts that a rung needs besides. */
  readonly more: readonly MountLine[];
}

/**
 * Everything a rung needs to run a spec: mounts to make, files in memory to hand down, shell lines that put things in
 * place, and the runtime configuration. Nothing of it is on disk.
 */
export class Bundle {
  readonly config: RuntimeConfig;
  /** The directory that is a memory file system of this run alone once the script has begun. */
  readonly scratch = scratchDirectory();
  /** Where the script must start: paths of layers are relative to it. */
  readonly cwd: string;
  readonly files: HandedFiles;
  /** Where the tools of the chain write errors: a descriptor here, a path there. */
  readonly log: { readonly fd: number; readonly path: string };
  readonly #sockets: LentSockets;
  readonly #lines: MountLine[];
  readonly #commands: string[] = [];
  readonly #view: FileTree;
  readonly #targets: MountTargets;
  readonly #around: Surroundings;
  readonly #deviceOptions: readonly string[];

  constructor(spec: SandboxSpec, { files, sockets, around, more }: BundleParts) {
    this.files = files;
    this.#sockets = sockets;
    this.#around = around;
    this.#deviceOptions = deviceOptions(spec);
    this.cwd = dirname(dirname(spec.layers[0] ?? spec.upper?.dir ?? '/none/none'));
    const logPath = files.add('');
    this.log = { fd: files.fds.at(-1)!, path: logPath };
    const layers: RootFsTree = spec.view ?? new RootView(spec.layers);
    if (spec.upper !== undefined) makeMountpoints(layers.under(spec.upper.dir), spec.upper.dir);
    this.#view = spec.upper === undefined ? layers : layers.under(spec.upper.dir);
    this.#targets = new MountTargets(this.#view);
    this.#lines = [
      { source: 'stagecraft', target: this.scratch, type: 'tmpfs', options: ['mode=0700'] },
      { source: 'stagecraft', target: '/proc', type: 'proc', options: ['nosuid', 'nodev', 'noexec'] },
      ...more,
    ];
    const place = (name: string): string => `${this.scratch}/${name}`;
    const [root, hosts, empty] = [place('root'), place('hosts'), place('empty')];
    this.#overlay(spec, root);
    this.#commands.push(`: >${quote(empty)}`, `printf %s ${quote(hostsFile(spec))} >${quote(hosts)}`);
    const network = [this.#targets.place('/etc/resolv.conf'), this.#targets.place('/etc/hosts')] as const;
    const devices = this.#devices(spec, place);
    const mounts = spec.mounts.map((mount, index) => this.#mount(mount, place(`mount-${index}`)));
    this.config = runtimeConfig(
      spec,
      { root, mounts: [...devices, ...mounts], resolvConf: resolvConfPath() ?? empty, hosts, network },
      around,
    );
  }

  /** Adds a command to the script's preparations. */
  prepare(command: readonly string[]): void {
    this.#commands.push(shellCommand(command));
  }

  /**
   * Where a step has hooks, puts the configuration where these look for it. A link would not do: what is handed down is
   * not handed to them.
   */
  showConfig(path: string): boolean {
    if (this.config.hooks === undefined) return false;
    this.prepare(['cp', path, `${this.scratch}/config.json`]);
    return true;
  }

  /** The shell script that prepares everything and then runs a shell command. Asked for once. */
  script(command: string): string {
    const fstab = this.files.add(formatFstab(this.#lines));
    const prepare = [`mount --all --fstab ${fstab}`, ...this.#commands].join(' &&\n');
    return `umask 022\n{ ${prepare}; } 2>${this.log.path} || exit ${setupFailed}\n${command}`;
  }

  /** What the mounts will leave behind in the upper directory. */
  stubs({ upper, mounts, devices }: SandboxSpec): MountStubs | undefined {
    const all = [...mounts, ...(devices?.nodes ?? []), ...(devices?.mounts ?? [])];
    const targets = ['/etc/resolv.conf', '/etc/hosts', ...all.map(mount => absolute(mount.target))];
    return upper && new MountStubs(this.#view, upper.dir, targets);
  }

  /** The mounts of the step's devices. */
  #devices({ devices, user, security }: SandboxSpec, place: (name: string) => string): RuntimeMount[] {
    const usual = security === 'insecure' ? insecureNodes(this.#around) : [];
    const canMake = !this.#around.inUserNamespace;
    const nodes = [...usual, ...(devices?.nodes ?? [])].map((node, index) => {
      const { mount, command } = placeNode(node, place(`device-${index}`), { user, canMake });
      if (command !== undefined) this.#commands.push(command);
      return mount;
    });
    return [...nodes, ...(devices?.mounts ?? []).map(deviceMount)].map(mount => ({
      ...mount,
      destination: this.#targets.place(mount.destination),
    }));
  }

  #overlay(overlay: Overlay, target: string): void {
    const options = { base: this.cwd, spare: `${target}-lower`, xattrs: overlayXattrs() };
    const lines = overlayLines(overlay, target, options);
    this.#lines.push(...lines.map(line => ({ ...line, options: [...line.options, ...this.#deviceOptions] })));
  }

  /** One mount of the spec in the runtime's form; `place` is a path in the scratch directory for it. */
  #mount(mount: SandboxMount, place: string): RuntimeMount {
    const part = mount.type === 'overlay' ? selected(mount) : undefined;
    const destination = this.#targets.place(mount.target, part?.kind ?? kindOf(mount));
    const bind = (source: string, options: string[]): RuntimeMount => ({
      ...{ destination, type: 'bind', source, options: ['rbind', 'rprivate', ...options] },
    });
    switch (mount.type) {
      case 'bind':
        return bind(mount.source, [mount.readonly ? 'ro' : 'rw', ...this.#deviceOptions]);
      case 'overlay':
        this.#overlay(mount, place);
        return bind(place + part!.path, [mount.upper === undefined ? 'ro' : 'rw', ...this.#deviceOptions]);
      case 'tmpfs': {
        const mode =
          mount.mode ?? this.#view.lstat(this.#view.resolve(bytesFromText(destination)))?.mode ?? 0o1777;
        const options = ['nosuid', `mode=${mode.toString(8)}`, ...this.#deviceOptions];
        if (mount.size !== undefined) options.push(`size=${mount.size}`);
        return { destination, type: 'tmpfs', source: 'tmpfs', options };
      }
      case 'secret': {
        const { uid, gid, mode } = mount;
        requireOwner(mount, this.#around, `The secret ${mount.target}`);
        const file = quote(place);
        this.#commands.push(`(umask 077 && cat ${this.files.add(mount.data)} >${file})`);
        this.#commands.push(`chmod ${mode.toString(8)} ${file}`);
        if ((uid !== 0 || gid !== 0) && !this.#around.singleId)
          this.#commands.push(`chown ${uid}:${gid} ${file}`);
        return bind(place, ['ro', 'nosuid', 'nodev', ...((mode & 0o111) === 0 ? ['noexec'] : [])]);
      }
      case 'socket':
        return bind(this.#sockets.pathOf(mount), ['nosuid', 'nodev', 'noexec']);
    }
  }
}

/** The exit code of a script whose preparations failed; the log tells why. */
const setupFailed = 125;

function absolute(target: string): string {
  return posix.resolve('/', target);
}

/** What a mount that is no overlay shows at its target. */
function kindOf(mount: SandboxMount): 'directory' | 'file' {
  const isDirectory = mount.type === 'bind' ? statSync(mount.source).isDirectory() : mount.type === 'tmpfs';
  return isDirectory ? 'directory' : 'file';
}

/** The selected part of an overlay's files, symlinks resolved within them; an empty path for all of it. */
function selected({ layers, upper, selector = '/', target }: Extract<SandboxMount, { type: 'overlay' }>): {
  path: string;
  kind: 'directory' | 'file';
} {
  if (absolute(selector) === '/') return { path: '', kind: 'directory' };
  const view = new RootView(upper === undefined ? layers : [...layers, upper.dir]);
  const path = view.resolve(bytesFromText(absolute(selector)));
  const type = path === '/' ? 'directory' : view.lstat(path)?.type;
  if (type === undefined)
    throw new StagecraftError('not-found', `There is no ${selector} to mount at ${target}.`, {
      hint: 'It is looked for in the stage, image or context that the mount names with from=.',
    });
  return { path: path === '/' ? '' : textFromBytes(path), kind: type === 'directory' ? 'directory' : 'file' };
}
