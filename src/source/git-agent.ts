import { closeSync, constants, mkdtempSync, openSync, rmSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** The socket of an SSH agent, for as long as a command needs it. */
export interface AgentSocket {
  readonly path: string;
  close(): void;
}

/** Lends the agent through a socket that only this user reaches. @param serve answers one connection */
export async function openAgentSocket(serve: (connection: Socket) => void): Promise<AgentSocket> {
  const directory = mkdtempSync(join(tmpdir(), 'stagecraft-agent-'));
  const fd = openSync(directory, constants.O_RDONLY | constants.O_DIRECTORY);
  const connections = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true }, connection => {
    connections.add(connection);
    connection.once('close', () => connections.delete(connection));
    serve(connection);
  });
  const close = (): void => {
    server.close();
    for (const connection of connections) connection.destroy();
    closeSync(fd);
    rmSync(directory, { recursive: true, force: true });
  };
  try {
    // The kernel takes no more than 107 bytes for the path of a socket, which those of temporary files may have.
    const path = `/proc/${process.pid}/fd/${fd}/agent`;
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(path, resolve);
    });
    return { path, close };
  } catch (error) {
    close();
    throw error;
  }
}
