import assert from 'node:assert/strict';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { after, test } from 'node:test';
import { createAgents } from './agents.ts';
import { send } from './request.ts';

const agents = createAgents({ env: {} });
after(() => agents.close());
const services = { agents, retryDelay: 1 };

async function serve(answer: (request: IncomingMessage, response: ServerResponse) => void): Promise<URL> {
  const server = createServer(answer);
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  after(() => server.close());
  return new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
}

test('a server that fails for the moment is asked again', async () => {
  let asked = 0;
  const url = await serve((_, response) => {
    asked++;
    if (asked === 1) response.destroy();
    else if (asked === 2) response.writeHead(503, { 'retry-after': '0' }).end();
    else response.end('here');
  });
  const response = await send({ method: 'GET', url }, services);
  assert.equal(await text(response.body), 'here');
  assert.equal(asked, 3);
});

test('a server that goes on failing is not asked for ever, and its last answer counts', async () => {
  let asked = 0;
  const url = await serve((_, response) => {
    asked++;
    response.writeHead(500).end();
  });
  assert.equal((await send({ method: 'GET', url }, services)).status, 500);
  assert.equal(asked, 4);
});

test('a redirect to another host does not take the credential along, one to the same host does', async () => {
  const seen: (string | undefined)[] = [];
  const other = await serve((request, response) => {
    seen.push(request.headers.authorization);
    response.end();
  });
  const url = await serve((request, response) => {
    seen.push(request.headers.authorization);
    const location = request.url === '/' ? '/again' : other.href;
    response.writeHead(307, { location }).end();
  });
  await send({ method: 'GET', url, headers: { Authorization: 'Bearer x' } }, services);
  assert.deepEqual(seen, ['Bearer x', 'Bearer x', undefined]);
});

test('a redirect without end is given up', async () => {
  const url = await serve((_, response) => response.writeHead(302, { location: '/' }).end());
  await assert.rejects(send({ method: 'GET', url }, services), /redirects more than 10 times/);
});

test('a host that is not there is named, with what to do', async () => {
  const url = new URL('http://127.0.0.1:1/secret?token=x');
  await assert.rejects(send({ method: 'GET', url }, services), (error: Error & { hint?: string }) => {
    assert.match(error.message, /^http:\/\/127\.0\.0\.1:1 cannot be reached: .*ECONNREFUSED/);
    assert.match(String(error.hint), /the server runs/);
    return true;
  });
});

test('a proxy of the environment is used, save for hosts that are excepted and this machine', async () => {
  const proxied: string[] = [];
  const proxy = await serve((request, response) => {
    proxied.push(String(request.url));
    response.end('by proxy');
  });
  const url = await serve((_, response) => response.end('direct'));
  const elsewhere = new URL('http://registry.test/v2/');
  const env = { http_proxy: proxy.href.replace('//', '//me:not-to-be-seen@') };
  const ask = async (url: URL, env: Record<string, string>): Promise<string> => {
    const own = createAgents({ env });
    const response = await send({ method: 'GET', url }, { agents: own, retryDelay: 1 });
    own.close();
    return text(response.body);
  };
  assert.equal(await ask(elsewhere, env), 'by proxy');
  assert.equal(await ask(url, env), 'direct');
  await assert.rejects(ask(elsewhere, { ...env, no_proxy: 'test' }), /registry\.test cannot be reached/);
  assert.deepEqual(proxied, [elsewhere.href]);
  await assert.rejects(
    ask(elsewhere, { all_proxy: 'socks5h://me:not-to-be-seen@proxy' }),
    /^StagecraftError: The environment names a proxy that speaks socks5h\.$/,
  );
  await assert.rejects(ask(elsewhere, { http_proxy: 'me:not-to-be-seen@ proxy' }), (error: Error) => {
    assert.match(error.message, /names a proxy by something that is no address/);
    assert.doesNotMatch(JSON.stringify(error), /not-to-be-seen/);
    return true;
  });
});
