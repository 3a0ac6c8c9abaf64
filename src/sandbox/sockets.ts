import { chmodSync, chownSync, mkdirSync, readdirSync, rmSync, statSync } from 'node:fs';
import { createConnection, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { StagecraftError } from '../util/errors.ts';
import { isLeftover, ownName } from './leftovers.ts';
import { surroundings } from './surroundings.ts';
import type { SandboxMount } from './types.ts';

type SocketMount = Extract<SandboxMount, { type: 'socket' }>;

/**
 * Sockets lent to a step. One that has the wanted owner and mode is mounted as it is. Any other stays as it is, and
 * gets a stand-in that passes on what is said: agents answer their own user only, whom the step's user need not be.
 */
export class LentSockets {
  readonly #servers: Server[] = [];
  readonly #connections = new Set<Socket>();
  #dir: string | undefined;

  /** The mounts with stand-ins in the place of sockets that need one. */
  async lend(mounts: readonly SandboxMount[]): Promise<SandboxMount[]> {
    const lent: SandboxMount[] = [];
    for (const mount of mounts) {
      if (mount.type !== 'socket' || isAsWanted(mount)) lent.push(mount);
      else lent.push({ ...mount, source: await this.#standIn(mount) });
    }
    return lent;
  }

  close(): void {
    for (const server of this.#servers) server.close();
    for (const connection of this.#connections) connection.destroy();
    if (this.#dir !== undefined) rmSync(this.#dir, { recursive: true, force: true });
  }

  async #standIn(mount: SocketMount): Promise<string> {
    this.#dir ??= makeSocketDirectory();
    const path = join(this.#dir, String(this.#servers.length));
    const server = createServer(client => {
      const agent = createConnection(mount.source);
      for (const [from, to] of [
        [client, agent],
        [agent, client],
      ] as const) {
        this.#connections.add(from);
        from.on('error', () => to.destroy());
        from.on('close', () => {
          this.#connections.delete(from);
          to.end();
        });
        from.pipe(to);
      }
    });
    this.#servers.push(server);
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(path, resolve);
    });
    if (!surroundings().singleId) chownSync(path, mount.uid, mount.gid);
    chmodSync(path, mount.mode);
    return path;
  }
}

function isAsWanted({ source, uid, gid, mode }: SocketMount): boolean {
  const stat = statSync(source, { throwIfNoEntry: false });
  if (!stat?.isSocket())
    throw new StagecraftError('not-found', `${source}, which the step shall be lent, is not a socket.`);
  return stat.uid === uid && stat.gid === gid && (stat.mode & 0o777) === mode;
}

const prefix = 'stagecraft-socket';

/** A new directory for sockets, named after this process; those of dead ones are removed. */
function makeSocketDirectory(): string {
  for (const name of readdirSync(tmpdir()))
    if (isLeftover(name, prefix)) removeLeftover(join(tmpdir(), name));
  const dir = join(tmpdir(), ownName(prefix));
  mkdirSync(dir, { mode: 0o700 });
  return dir;
}

function removeLeftover(path: string): void {
  try {
    rmSync(path, { recursive: true, force: true });
  } catch {
    // Another user's.
  }
}
