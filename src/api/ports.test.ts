import assert from 'node:assert/strict';
import { type AddressInfo, connect, createServer, type Server } from 'node:net';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { publishPorts } from './ports.ts';

/** Answers everything that was sent, in capitals, after the sender has ended. */
function listenLoud(): Promise<{ server: Server; port: number }> {
  const server = createServer({ allowHalfOpen: true }, socket => {
    let heard = '';
    socket.on('data', chunk => {
      heard += chunk;
    });
    socket.on('end', () => socket.end(heard.toUpperCase()));
  });
  return new Promise(resolve =>
    server.listen(0, '127.0.0.1', () => resolve({ server, port: (server.address() as AddressInfo).port })),
  );
}

async function freePort(): Promise<number> {
  const { server, port } = await listenLoud();
  server.close();
  return port;
}

test('connections are passed on both ways, and each way may end by itself', async t => {
  const { server, port } = await listenLoud();
  t.after(() => server.close());
  const hostPort = await freePort();
  const published = await publishPorts([{ address: '127.0.0.1', hostPort, containerPort: port }]);
  t.after(() => published.close());
  const socket = connect({ port: hostPort, host: '127.0.0.1', allowHalfOpen: true });
  socket.end('hello');
  assert.equal(await text(socket), 'HELLO');
});

test('a port that is taken is an error that names it', async t => {
  const { server, port } = await listenLoud();
  t.after(() => server.close());
  await assert.rejects(
    publishPorts([{ address: '127.0.0.1', hostPort: port, containerPort: 1 }]),
    new RegExp(`The port 127\\.0\\.0\\.1:${port} is in use`),
  );
});
