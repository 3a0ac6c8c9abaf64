import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { constants } from 'node:os';
import type { Duplex } from 'node:stream';
import { StagecraftError } from '../util/errors.ts';
import { beganVariable } from './began.ts';
import { quote } from './shell.ts';
import { mapArguments, subordinateIds } from './subids.ts';

/** Tells a process what kind of namespace it was started in. */
const namespaceVariable = 'STAGECRAFT_NAMESPACE';

/**
 * - `subordinate`: this user is root and has the ids that `/etc/subuid` gives them.
 * - `single`: this user is root and there is nobody else.
 */
export type NamespaceKind = 'subordinate' | 'single';

/** True for an ordinary user who has not entered a user namespace: such a one can mount nothing. */
export function needsNamespace(): boolean {
  return process.geteuid!() !== 0;
}

/** The kind of namespace that {@link enterNamespace} started this process in; nothing outside. */
export function inNamespace(): NamespaceKind | undefined {
  const kind = process.env[namespaceVariable];
  return kind === 'subordinate' || kind === 'single' ? kind : undefined;
}

/**
 * Runs this program once more, as root of a user namespace, and waits for its end: same Node.js and options, same
 * environment, standard streams and terminal; signals are passed on. When this process dies, so does that one.
 * @param argv the program and its arguments
 * @returns the exit code, 128 + signal when a signal ended it
 * @throws StagecraftError `unsupported` if the machine has no user namespaces for this user
 */
export async function enterNamespace(argv: readonly string[] = process.argv.slice(1)): Promise<number> {
  refuseWhereBlocked();
  // The -- keeps Node.js from taking flags of ours that have the name of its own, such as --env-file.
  const command = [process.execPath, ...process.execArgv, '--', ...argv];
  const ids = subordinateIds();
  if (ids !== undefined) {
    const code = await enter('subordinate', command, pid =>
      Promise.all([
        run('newuidmap', [String(pid), ...mapArguments(process.getuid!(), ids.uids)]),
        run('newgidmap', [String(pid), ...mapArguments(process.getgid!(), ids.gids)]),
      ]).then(results => results.every(each => each)),
    );
    if (code !== undefined) return code;
    // newuidmap is missing, or not allowed to do its work: without it there is still the user's own id.
  }
  const code = await enter('single', command, async () => true);
  if (code !== undefined) return code;
  throw blocked('This machine does not let this user make user namespaces.', generalHint);
}

/**
 * Starts the command in a new user namespace and has `map` write its id map. Nothing if that failed; the command was
 * not started then.
 */
async function enter(
  kind: NamespaceKind,
  command: readonly string[],
  map: (pid: number) => Promise<boolean>,
): Promise<number | undefined> {
  const child = spawn('sh', ['-c', namespaceScript(kind), 'sh', ...command], {
    stdio: ['inherit', 'inherit', 'inherit', 'pipe'],
    env: {
      ...process.env,
      [namespaceVariable]: kind,
      [beganVariable]: String(Math.floor(performance.timeOrigin)),
    },
  });
  const ended = exitOf(child);
  const channel = child.stdio[3] as Duplex;
  channel.on('error', () => {});
  const ready = await Promise.race([once(channel, 'data').then(() => true), ended.then(() => false)]);
  if (!ready || !(await map(child.pid!))) {
    channel.destroy();
    await ended;
    return undefined;
  }
  const stop = passSignals(child);
  channel.end('go\n');
  try {
    return await ended;
  } finally {
    stop();
  }
}

/**
 * Unshares, says so, and waits for the id map; the end of the channel means that none will come. The map changes who
 * the process is, which calls off its death with its parent: so it asks for that afterwards, and then looks whether
 * the parent was gone before. Messages of the tools would only confuse, the program's are kept.
 */
function namespaceScript(kind: NamespaceKind): string {
  const last = `[ "$PPID" = ${process.pid} ] || exit 1; exec "$@" 2>&4 3>&- 4>&-`;
  const inner = `echo ready >&3 && read -r go <&3 && exec setpriv --pdeathsig KILL sh -c ${quote(last)} sh "$@"`;
  const map = kind === 'single' ? '--map-root-user' : '';
  return `exec 4>&2 2>/dev/null unshare --user ${map} sh -c ${quote(inner)} sh "$@"`;
}

/** A terminal's Ctrl-C reaches both processes by itself; what is sent to this one alone is passed on. */
function passSignals(child: ChildProcess): () => void {
  const fromTerminal: NodeJS.Signals[] = process.stdin.isTTY ? ['SIGINT', 'SIGQUIT'] : [];
  const passed: NodeJS.Signals[] = ['SIGINT', 'SIGQUIT', 'SIGTERM', 'SIGHUP', 'SIGUSR1', 'SIGUSR2'];
  const handlers = passed.map(signal => {
    const handler = (): void => {
      if (!fromTerminal.includes(signal)) child.kill(signal);
    };
    process.on(signal, handler);
    return () => process.off(signal, handler);
  });
  return () => {
    for (const remove of handlers) remove();
  };
}

function exitOf(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    child.once('error', cause =>
      reject(
        new StagecraftError('unsupported', `A user namespace could not be made: ${cause.message}.`, {
          hint: 'It needs setpriv and unshare of util-linux.',
          cause,
        }),
      ),
    );
    child.once('exit', (code, signal) => resolve(code ?? 128 + constants.signals[signal!]));
  });
}

function run(program: string, args: readonly string[]): Promise<boolean> {
  return new Promise(resolve => {
    const child = spawn(program, args, { stdio: 'ignore' });
    child.once('error', () => resolve(false));
    child.once('exit', code => resolve(code === 0));
  });
}

/** Kernel settings that keep ordinary users from making user namespaces, and what undoes them. */
const settings: readonly { path: string; blocks: (value: string) => boolean; undo: string }[] = [
  {
    path: '/proc/sys/user/max_user_namespaces',
    blocks: value => value === '0',
    undo: 'sysctl -w user.max_user_namespaces=15000',
  },
  {
    path: '/proc/sys/kernel/unprivileged_userns_clone',
    blocks: value => value === '0',
    undo: 'sysctl -w kernel.unprivileged_userns_clone=1',
  },
  {
    path: '/proc/sys/kernel/apparmor_restrict_unprivileged_userns',
    // A profile of AppArmor may allow it nevertheless, so that only a try tells.
    blocks: value =>
      value === '1' && spawnSync('unshare', ['-Urm', 'true'], { stdio: 'ignore' }).status !== 0,
    undo: 'sysctl -w kernel.apparmor_restrict_unprivileged_userns=0',
  },
];

const generalHint =
  'Run as root, or in a container that allows user namespaces (for Docker: --security-opt seccomp=unconfined).';

/** The setting that keeps this user from making user namespaces, if one does. */
export function blockingSetting(
  read: (path: string) => string | undefined = readSetting,
): { path: string; value: string; undo: string } | undefined {
  for (const { path, blocks, undo } of settings) {
    const value = read(path);
    if (value !== undefined && blocks(value)) return { path, value, undo };
  }
  return undefined;
}

function refuseWhereBlocked(): void {
  const setting = blockingSetting();
  if (setting === undefined) return;
  throw blocked(
    `This machine does not let this user make user namespaces: ${setting.path} is ${setting.value}.`,
    `As root, run \`${setting.undo}\`; or run stagecraft as root.`,
  );
}

function blocked(message: string, hint: string): StagecraftError {
  return new StagecraftError('unsupported', message, { hint });
}

function readSetting(path: string): string | undefined {
  try {
    return readFileSync(path, 'latin1').trim();
  } catch {
    return undefined;
  }
}
