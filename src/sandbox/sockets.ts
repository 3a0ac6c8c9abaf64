import {
  chmodSync,
  chownSync,
  closeSync,
  constants,
  mkdirSync,
  openSync,
  readdirSync,
  rmSync,
} from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isLeftover, ownName } from './leftovers.ts';
import { requireOwner } from './owners.ts';
import { surroundings } from './surroundings.ts';
import type { SandboxMount } from './types.ts';

type SocketMount = Extract<SandboxMount, { type: 'socket' }>;

/** The sockets that a step is lent: made for it, with the owner and mode that it wants, and gone with it. */
export class LentSockets {
  readonly #paths = new Map<SandboxMount, string>();
  readonly #servers: Server[] = [];
  readonly #connections = new Set<Socket>();
  #dir: { path: string; fd: number } | undefined;

  /** @throws StagecraftError `unsupported` for an owner that there is not */
  async open(mounts: readonly SandboxMount[]): Promise<void> {
    for (const mount of mounts)
      if (mount.type === 'socket') this.#paths.set(mount, await this.#listen(mount));
  }

  /** Where the socket of a mount is. */
  pathOf(mount: SocketMount): string {
    return this.#paths.get(mount)!;
  }

  close(): void {
    for (const server of this.#servers) server.close();
    for (const connection of this.#connections) connection.destroy();
    if (this.#dir === undefined) return;
    closeSync(this.#dir.fd);
    rmSync(this.#dir.path, { recursive: true, force: true });
  }

  async #listen(mount: SocketMount): Promise<string> {
    const { uid, gid, mode, serve, target } = mount;
    requireOwner({ uid, gid }, surroundings(), `The socket ${target}`);
    this.#dir ??= makeSocketDirectory();
    const name = String(this.#servers.length);
    const server = createServer({ allowHalfOpen: true }, connection => {
      this.#connections.add(connection);
      connection.once('close', () => this.#connections.delete(connection));
      serve(connection);
    });
    this.#servers.push(server);
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      // The kernel takes no more than 107 bytes for the path of a socket, which those of temporary files may have.
      server.listen(`/proc/self/fd/${this.#dir!.fd}/${name}`, resolve);
    });
    const path = join(this.#dir.path, name);
    if (!surroundings().singleId) chownSync(path, uid, gid);
    chmodSync(path, mode & 0o777);
    return path;
  }
}

const prefix = 'stagecraft-socket';

/** A new directory for sockets, named after this process; those of dead ones are removed. */
function makeSocketDirectory(): { path: string; fd: number } {
  for (const name of readdirSync(tmpdir()))
    if (isLeftover(name, prefix)) removeLeftover(join(tmpdir(), name));
  const path = join(tmpdir(), ownName(prefix));
  mkdirSync(path, { mode: 0o700 });
  return { path, fd: openSync(path, constants.O_RDONLY | constants.O_DIRECTORY) };
}

function removeLeftover(path: string): void {
  try {
    rmSync(path, { recursive: true, force: true });
  } catch {
    // Another user's.
  }
}
