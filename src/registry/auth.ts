import { buffer } from 'node:stream/consumers';
import type { RequestServices } from '../transport/request.ts';
import { send, shownAddress } from '../transport/request.ts';
import { StagecraftError } from '../util/errors.ts';
import { type Challenge, parseChallenges } from './challenge.ts';
import type { Credential, FindCredential } from './credentials.ts';

/** What a client wants to do in a repository (distribution's token scope grammar). */
export type Actions = 'pull' | 'pull,push';

/** Seconds that a token lives where its server does not say. */
const defaultLife = 60;

interface Token {
  readonly header: string;
  /** Milliseconds since the epoch. */
  readonly until: number;
}

/**
 * Makes the `Authorization` of requests to one registry: none until the registry asks, then what it asks for. Tokens
 * are kept for as long as they live, one for each repository and set of actions.
 */
export class Authorizer {
  readonly #registry: string;
  readonly #find: FindCredential;
  readonly #services: RequestServices;
  readonly #tokens = new Map<string, Token>();
  readonly #running = new Map<string, Promise<Token>>();

  constructor(registry: string, find: FindCredential, services: RequestServices) {
    this.#registry = registry;
    this.#find = find;
    this.#services = services;
  }

  /** The header to send at once, if one is known. */
  known(repository: string, actions: Actions): string | undefined {
    const token = this.#tokens.get(scopeOf(repository, actions));
    return token !== undefined && token.until > Date.now() ? token.header : undefined;
  }

  /**
   * The header that answers a registry's 401. Concurrent requests share one question to the token server.
   * @throws StagecraftError `io` when there is none
   */
  async answer(
    header: string | undefined,
    repository: string,
    actions: Actions,
    asked: URL,
  ): Promise<string> {
    const scope = scopeOf(repository, actions);
    let running = this.#running.get(scope);
    if (running === undefined) {
      running = this.#obtain(parseChallenges(header ?? ''), repository, scope, asked).finally(() =>
        this.#running.delete(scope),
      );
      this.#running.set(scope, running);
    }
    const token = await running;
    this.#tokens.set(scope, token);
    return token.header;
  }

  async #obtain(challenges: Challenge[], repository: string, scope: string, asked: URL): Promise<Token> {
    const credential = await this.#find(this.#registry, repository);
    if (credential?.type === 'bearer')
      return { header: `Bearer ${credential.token}`, until: Number.POSITIVE_INFINITY };
    const bearer = challenges.find(({ scheme }) => scheme === 'bearer');
    if (bearer) return this.#askTokenServer(bearer, credential, scope, asked);
    const basic = challenges.some(({ scheme }) => scheme === 'basic');
    if (basic && credential?.type === 'password')
      return { header: basicHeader(credential), until: Number.POSITIVE_INFINITY };
    throw denied(this.#registry, scope, credential);
  }

  async #askTokenServer(
    { parameters }: Challenge,
    credential: Exclude<Credential, { type: 'bearer' }> | undefined,
    scope: string,
    asked: URL,
  ): Promise<Token> {
    const realm = URL.parse(parameters.get('realm') ?? '');
    if (realm === null || !/^https?:$/.test(realm.protocol))
      throw new StagecraftError('io', `The registry ${this.#registry} names no address that gives tokens.`);
    if (asked.protocol === 'https:' && realm.protocol !== 'https:')
      throw new StagecraftError(
        'io',
        `The registry ${this.#registry} asks to send credentials to the insecure ${shownAddress(realm)}.`,
      );
    const fields = new URLSearchParams(scope === '' ? {} : { scope });
    const service = parameters.get('service');
    if (service) fields.set('service', service);
    const response = await (credential?.type === 'identity'
      ? this.#exchange(realm, fields, credential.token)
      : this.#request(realm, fields, credential));
    const answer = await buffer(response.body);
    if (response.status === 401 || response.status === 403) throw denied(this.#registry, scope, credential);
    const token = response.status === 200 ? readToken(answer) : undefined;
    if (token === undefined)
      throw new StagecraftError(
        'io',
        `${shownAddress(realm)} gives no token${scope && ` for ${scope}`}: it answers ${response.status}.`,
      );
    return token;
  }

  #request(realm: URL, fields: URLSearchParams, credential: (Credential & { type: 'password' }) | undefined) {
    const url = new URL(realm);
    for (const [name, value] of fields) url.searchParams.append(name, value);
    const headers = credential && { authorization: basicHeader(credential) };
    return send({ method: 'GET', url, headers }, this.#services);
  }

  #exchange(url: URL, fields: URLSearchParams, token: string) {
    fields.set('grant_type', 'refresh_token');
    fields.set('client_id', 'stagecraft');
    fields.set('refresh_token', token);
    const headers = { 'content-type': 'application/x-www-form-urlencoded' };
    return send({ method: 'POST', url, headers, body: Buffer.from(fields.toString()) }, this.#services);
  }
}

/** @throws nothing: a refusal is an error to throw, with what to do. */
export function denied(registry: string, scope: string, credential?: Credential): StagecraftError {
  if (scope === '')
    return new StagecraftError('io', `The registry ${registry} does not accept this user name and password.`);
  const [, repository, actions] = scope.split(':');
  return new StagecraftError(
    'io',
    `The registry ${registry} does not allow ${actions?.replace(',', ' and ')} for ${repository}.`,
    {
      hint: credential
        ? `Check that the account that you logged in with may do so, and that the name is right.`
        : `Check the name; if the repository is private, log in with \`docker login ${registry}\` or \`podman login ${registry}\`.`,
    },
  );
}

/** What a token is for; nothing for who only wants to be let in. */
export function scopeOf(repository: string, actions: Actions): string {
  if (repository === '') return '';
  return `repository:${repository}:${actions}`;
}

function basicHeader({ username, password }: Credential & { type: 'password' }): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
}

function readToken(bytes: Buffer): Token | undefined {
  try {
    const answer = JSON.parse(bytes.toString()) as Record<string, unknown>;
    const text = answer.token || answer.access_token;
    if (typeof text !== 'string') return undefined;
    const life = typeof answer.expires_in === 'number' ? answer.expires_in : defaultLife;
    // Some of its life goes by on the way.
    return { header: `Bearer ${text}`, until: Date.now() + Math.max(life - 10, 1) * 1000 };
  } catch {
    return undefined;
  }
}
