import { createConnection, type Socket } from 'node:net';
import type { Identity } from './identity.ts';
import { readMessages, writeMessage } from './messages.ts';
import { string, uint32, WireReader } from './wire.ts';

/** Answers what comes over one connection, until it ends. */
export type ServeConnection = (connection: Socket) => void;

/** Message numbers of the agent protocol (draft-ietf-sshm-ssh-agent, section 6.1). */
const FAILURE = 5;
const REQUEST_IDENTITIES = 11;
const IDENTITIES_ANSWER = 12;
const SIGN_REQUEST = 13;
const SIGN_RESPONSE = 14;

const failure = Buffer.from([FAILURE]);

/** An agent of our own that has these keys. */
export function serveKeys(identities: readonly Identity[]): ServeConnection {
  return connection => {
    void serve(connection, async request => answer(request, identities));
  };
}

/**
 * Another agent, asked for what a step needs and no more: which keys there are, and signatures. A step cannot add or
 * remove keys, lock the agent, or use its extensions, as with BuildKit.
 */
export function serveAgent(socket: string): ServeConnection {
  return connection => {
    const agent = createConnection(socket);
    const answers = readMessages(agent);
    agent.on('error', () => connection.destroy());
    connection.once('close', () => agent.destroy());
    void serve(connection, async request => {
      if (request[0] !== REQUEST_IDENTITIES && request[0] !== SIGN_REQUEST) return failure;
      writeMessage(agent, request);
      const { value } = await answers.next();
      if (value === undefined) throw new Error('the agent hung up');
      return value;
    });
  };
}

/** Whatever listens at a socket, with nothing known of what is said. */
export function serveRaw(socket: string): ServeConnection {
  return connection => {
    const other = createConnection(socket);
    for (const [from, to] of [
      [connection, other],
      [other, connection],
    ] as const) {
      from.on('error', () => to.destroy());
      from.once('close', () => to.end());
      from.pipe(to);
    }
  };
}

/** Requests are answered in their order, one at a time. */
async function serve(connection: Socket, ask: (request: Buffer) => Promise<Buffer>): Promise<void> {
  connection.on('error', () => {});
  try {
    for await (const request of readMessages(connection)) writeMessage(connection, await ask(request));
    connection.end();
  } catch {
    // What is no message of the protocol, or an agent that is gone: there is nobody to tell but by hanging up.
    connection.destroy();
  }
}

function answer(request: Buffer, identities: readonly Identity[]): Buffer {
  const reader = new WireReader(request);
  const type = reader.byte();
  if (type === REQUEST_IDENTITIES) {
    // Keys have no comments here: those are often names of people and machines.
    const keys = identities.flatMap(({ publicKey }) => [string(publicKey), string('')]);
    return Buffer.concat([Buffer.from([IDENTITIES_ANSWER]), uint32(identities.length), ...keys]);
  }
  if (type !== SIGN_REQUEST) return failure;
  const key = reader.bytes();
  const data = reader.bytes();
  const flags = reader.uint32();
  const identity = identities.find(({ publicKey }) => publicKey.equals(key));
  if (identity === undefined) return failure;
  return Buffer.concat([Buffer.from([SIGN_RESPONSE]), string(identity.sign(data, flags))]);
}
