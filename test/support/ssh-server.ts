import { once } from 'node:events';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { findProgram } from './needs.ts';
import { start, tool } from './program.ts';
import type { Workspace } from './workspace.ts';

/** OpenSSH's server on this machine's loopback, for root's account and the keys it is told. */
export interface SshServer {
  readonly port: number;
  /** A line for the client's list of known hosts. */
  readonly knownHost: string;
}

/** Starts one that ends with the tests of the file. */
export async function startSshServer(work: Workspace, publicKeys: readonly string[]): Promise<SshServer> {
  const port = await freePort();
  const hostKey = work.path('host-key');
  await tool('ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', hostKey);
  // Not within the workspace: a directory of an ordinary user would not be trusted.
  mkdirSync('/run/sshd', { recursive: true, mode: 0o755 });
  const authorized = work.path('authorized-keys');
  writeFileSync(authorized, publicKeys.map(key => `${key}\n`).join(''));
  chmodSync(authorized, 0o644);
  const settings = [
    ...[`ListenAddress 127.0.0.1:${port}`, `HostKey ${hostKey}`, `AuthorizedKeysFile ${authorized}`],
    ...['PidFile none', 'StrictModes no', 'UsePAM no', 'PermitRootLogin prohibit-password'],
    'PasswordAuthentication no',
  ];
  const config = work.path('sshd-config');
  writeFileSync(config, settings.map(line => `${line}\n`).join(''));
  const server = start([findProgram('sshd')!, '-D', '-e', '-f', config]);
  work.atEnd(async () => {
    server.child.kill();
    await server.outcome;
  });
  while (!server.stderr().includes('Server listening')) {
    if (server.child.exitCode !== null) throw new Error(`sshd ended:\n${server.stderr()}`);
    await sleep(20);
  }
  const key = await tool('ssh-keygen', '-y', '-f', hostKey);
  return { port, knownHost: `[127.0.0.1]:${port} ${key.trim()}` };
}

/** A port of the loopback that was free a moment ago. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}
