import { connect, createServer, type Server, type Socket } from 'node:net';
import { isErrno, StagecraftError } from '../util/errors.ts';

/** A TCP port of this machine, and the port that the container listens on. */
export interface PublishedPort {
  /** The address of this machine to listen on; all unless given. */
  readonly address?: string | undefined;
  readonly hostPort: number;
  readonly containerPort: number;
}

/**
 * Passes connections to ports of this machine on to those of the container, which shares the machine's network: so a
 * port that is the same on both sides needs nothing.
 * @throws StagecraftError `io` when a port is taken
 */
export async function publishPorts(ports: readonly PublishedPort[]): Promise<{ close(): void }> {
  const servers: Server[] = [];
  const open = new Set<Socket>();
  const close = (): void => {
    for (const server of servers) server.close();
    for (const socket of open) socket.destroy();
  };
  try {
    for (const port of ports)
      if (port.hostPort !== port.containerPort) servers.push(await listen(port, open));
  } catch (error) {
    close();
    throw error;
  }
  return { close };
}

function listen({ address, hostPort, containerPort }: PublishedPort, open: Set<Socket>): Promise<Server> {
  const server = createServer({ allowHalfOpen: true }, incoming => {
    const outgoing = connect({ port: containerPort, host: '127.0.0.1', allowHalfOpen: true });
    for (const [socket, other] of [
      [incoming, outgoing],
      [outgoing, incoming],
    ] as const) {
      open.add(socket);
      socket.on('error', () => other.destroy());
      socket.on('close', () => open.delete(socket));
      socket.pipe(other);
    }
  });
  return new Promise((resolve, reject) => {
    server.once('error', error => {
      const place = address === undefined ? hostPort : `${address}:${hostPort}`;
      const reason = isErrno(error, 'EADDRINUSE') ? 'is in use' : `cannot be used: ${error.message}`;
      reject(new StagecraftError('io', `The port ${place} ${reason}.`, { cause: error }));
    });
    server.listen({ port: hostPort, host: address }, () => resolve(server.unref()));
  });
}
