import { run } from '../../api/run.ts';
import { defineCommand, type FlagValues } from '../command.ts';
import { usageError } from '../parse.ts';
import { readEnvFile, readPort, readTmpfs, readVolume } from '../values/container.ts';
import { readChoice, readHost, readUlimit } from '../values/limits.ts';
import { readVariables } from '../values/pairs.ts';
import { readBytes } from '../values/size.ts';
import { readLayerLimit, readStorageSettings } from '../values/storage.ts';

const flags = {
  'add-host': { kind: 'list', value: 'HOST:ADDRESS', help: 'A line for /etc/hosts' },
  entrypoint: { kind: 'text', value: 'COMMAND', help: "Run this instead of the image's entrypoint" },
  env: {
    kind: 'list',
    short: 'e',
    value: 'NAME=VALUE',
    help: 'A variable; a name alone is taken from the environment',
  },
  'env-file': { kind: 'list', value: 'FILE', help: 'Variables, one a line', complete: 'file' },
  hostname: { kind: 'text', short: 'h', value: 'NAME', help: 'The name of the host inside' },
  interactive: { kind: 'boolean', short: 'i', help: 'Give the container this standard input' },
  name: {
    kind: 'text',
    value: 'NAME',
    help: 'The name of the container: its host name, unless --hostname says else',
  },
  network: {
    kind: 'text',
    value: 'MODE',
    help: 'host or none (default host)',
    complete: ['host', 'none'],
  },
  platform: { kind: 'text', value: 'PLATFORM', help: 'The platform of an image that has several' },
  privileged: { kind: 'boolean', help: 'All capabilities, and no filter of system calls' },
  publish: {
    kind: 'list',
    short: 'p',
    value: 'PORT:PORT',
    help: 'A port of this machine for one of the container',
  },
  rm: { kind: 'boolean', help: 'Remove the container when it ends, which always happens' },
  'shm-size': { kind: 'text', value: 'SIZE', help: 'The size of /dev/shm' },
  tmpfs: { kind: 'list', value: 'PATH', help: 'An empty directory in memory' },
  'trust-host-ca': { kind: 'boolean', help: 'Trust the certificates that this machine trusts' },
  tty: { kind: 'boolean', short: 't', help: 'Give the container this terminal' },
  ulimit: { kind: 'list', value: 'NAME=SOFT[:HARD]', help: 'A limit of its processes' },
  user: { kind: 'text', short: 'u', value: 'USER[:GROUP]', help: 'Run as this user, by name or number' },
  volume: {
    kind: 'list',
    short: 'v',
    value: 'SOURCE:TARGET[:ro]',
    help: 'Mount a file or directory of this machine',
    complete: 'directory',
  },
  workdir: { kind: 'text', short: 'w', value: 'PATH', help: 'The directory to run in' },
} as const;

type RunFlags = FlagValues<typeof flags>;

/** Milliseconds that a container has to end after it was asked to; `docker stop` has the same. */
const patience = 10_000;

const background = 'Containers run in the foreground: to go on meanwhile, end the shell command with &.';

export const command = defineCommand({
  name: 'run',
  summary: 'Run a command in a container made from an image',
  usage: 'IMAGE [COMMAND] [ARG...]',
  description: `
The container shares the network of this machine, unless --network=none. When it ends, nothing of it is left. Signals
are passed on to it; the second Ctrl-C, or 10 seconds after the first, end it.

The exit code is that of the command: 126 where it cannot be run, 127 where it does not exist, 125 where Stagecraft
failed.`,
  flags,
  absent: { '-d': background, '--detach': background },
  flagsFirst: true,
  failureCode: 125,
  args: { min: 1, max: Number.POSITIVE_INFINITY, complete: 'image' },
  examples: [
    ['What the image is made for', 'stagecraft run --rm app'],
    ['A shell', 'stagecraft run --rm -it app sh'],
    ['A service on another port', 'stagecraft run --rm -p 8080:80 -e LOG=debug app'],
    ['Tests, with this directory mounted', 'stagecraft run --rm -v .:/src -w /src toolchain make test'],
  ],
  async run(flags, [image, ...args], surroundings) {
    const { stdin, stdout, stderr, env, signal, onSignal } = surroundings;
    const tty = flags.tty ?? false;
    if (tty && !stdin.isTTY)
      throw usageError(command, 'There is no terminal to give to the container.', 'Leave out --tty.');
    const { code } = await run({
      image: image!,
      args,
      entrypoint: flags.entrypoint === undefined ? undefined : [flags.entrypoint].filter(word => word !== ''),
      env: variablesOf(flags, env),
      workdir: flags.workdir,
      user: flags.user,
      network: readChoice('--network', flags.network ?? 'host', ['host', 'none']),
      ports: portsOf(flags),
      hostname: flags.hostname ?? flags.name,
      addHosts: flags['add-host'].map(readHost),
      mounts: [...flags.volume.map(readVolume), ...flags.tmpfs.map(readTmpfs)],
      privileged: flags.privileged ?? false,
      shmSize: flags['shm-size'] === undefined ? undefined : readBytes('--shm-size', flags['shm-size']),
      ulimits: flags.ulimit.map(readUlimit),
      platform: flags.platform,
      trustHostCa: flags['trust-host-ca'] ?? false,
      maxLayerSize: readLayerLimit(env),
      storageLimits: readStorageSettings(env),
      onProblem: ({ message }) => stderr.write(`WARNING: ${message}\n`),
      tty,
      stdio:
        flags.interactive || tty ? 'inherit' : (stream, data) => (stream === 1 ? stdout : stderr).write(data),
      signal,
      onStart: send => onSignal(send, patience),
    });
    return code;
  },
});

function variablesOf(flags: RunFlags, env: NodeJS.ProcessEnv): Record<string, string> {
  const files = flags['env-file'].map(path => readEnvFile(path, env));
  return Object.assign({}, ...files, readVariables('--env', flags.env, env)) as Record<string, string>;
}

function portsOf(flags: RunFlags): ReturnType<typeof readPort>[] {
  if (flags.publish.length > 0 && flags.network === 'none')
    throw usageError(command, 'A container without a network has no ports to publish.');
  return flags.publish.map(readPort);
}
