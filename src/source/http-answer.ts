import { STATUS_CODES } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Agents } from '../transport/agents.ts';
import { isLost, type Response, send } from '../transport/request.ts';
import { StagecraftError } from '../util/errors.ts';

export interface Question {
  readonly method?: 'GET' | 'HEAD';
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  /** Besides those of success, which statuses are an answer. */
  readonly accept?: (status: number) => boolean;
  /** The content is verified, so that it may come any way. */
  readonly verified: boolean;
}

export interface Asker {
  readonly agents: Agents;
  readonly signal: AbortSignal;
}

/** How often a body is read that breaks off. */
const tries = 3;

/** A body that ended too early. */
export class BrokenOff extends Error {}

/**
 * Asks for an address and runs the body on the answer: anew when the connection is lost while it reads, so it must
 * start anew each time. The body says so of what it finds missing with {@link BrokenOff}.
 * @throws StagecraftError `not-found` when the server has no such file; `io` when it cannot be reached or gives no good
 * answer
 */
export async function ask<T>(
  address: string,
  { method = 'GET', headers, accept, verified }: Question,
  { agents, signal }: Asker,
  body: (response: Response) => Promise<T>,
): Promise<T> {
  const { url, authorization } = parseAddress(address);
  const request = {
    ...{ method, url, downgrade: verified },
    headers: { accept: '*/*', ...authorization, ...headers },
  };
  for (let attempt = 1; ; attempt++) {
    const response = await send(request, { agents, signal, tries: method === 'HEAD' ? 1 : undefined });
    // What breaks off while nobody reads is no news.
    response.body.on('error', () => {});
    try {
      const { status } = response;
      if ((status < 200 || status >= 300) && !accept?.(status)) throw badAnswer(url, status);
      return await body(response);
    } catch (error) {
      signal.throwIfAborted();
      if (!isLost(error) && !(error instanceof BrokenOff)) throw error;
      if (attempt === tries)
        throw new StagecraftError(
          'io',
          `${shownUrl(url)} cannot be fetched: the connection ended before the whole file had come.`,
          { hint: 'The server or a proxy in between breaks off; try again later.', cause: error },
        );
    } finally {
      response.body.destroy();
    }
    await sleep(500 * 2 ** (attempt - 1), undefined, { signal });
  }
}

/** An address as the user wrote it, but for user name and password. */
export function shownUrl(address: string | URL): string {
  const url = new URL(address);
  url.username = '';
  url.password = '';
  return url.href;
}

/** The address, and what its user name and password become. @throws StagecraftError `usage` */
function parseAddress(address: string): { url: URL; authorization: Record<string, string> } {
  const url = URL.parse(address);
  if (url === null || !/^https?:$/.test(url.protocol) || url.hostname === '')
    throw new StagecraftError('usage', `"${address}" is not the address of a file on the web.`, {
      hint: 'It is written http://host/path or https://host/path.',
    });
  const { username, password } = url;
  url.username = '';
  url.password = '';
  if (username === '' && password === '') return { url, authorization: {} };
  const pair = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  return { url, authorization: { authorization: `Basic ${Buffer.from(pair).toString('base64')}` } };
}

function badAnswer(url: URL, status: number): StagecraftError {
  const answer = `the server answers ${status}${STATUS_CODES[status] ? ` (${STATUS_CODES[status]})` : ''}`;
  if (status === 404 || status === 410)
    return new StagecraftError('not-found', `${shownUrl(url)} does not exist: ${answer}.`);
  return new StagecraftError('io', `${shownUrl(url)} cannot be fetched: ${answer}.`, {
    hint:
      status === 401 || status === 403
        ? `If it asks for a token, pass one with --secret id=HTTP_AUTH_TOKEN_${url.hostname},env=VARIABLE.`
        : undefined,
  });
}
