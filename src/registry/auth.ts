import type { RequestServices } from '../transport/request.ts';
import { readBounded, send, shownAddress } from '../transport/request.ts';
import { StagecraftError } from '../util/errors.ts';
import { type Challenge, parseChallenges } from './challenge.ts';
import type { Credential, FindCredential } from './credential.ts';

/** What a client wants to do in a repository (distribution's token scope grammar). */
export type Actions = 'pull' | 'pull,push';

/** Seconds that a token lives where its server does not say. */
const defaultLife = 60;
/** Bytes that a token server may answer with. */
const answerLimit = 1 << 20;

interface Token {
  readonly header: string;
  /** What it was asked for. */
  readonly scopes: readonly string[];
  /** Milliseconds since the epoch. */
  readonly until: number;
}

/**
 * Makes the `Authorization` of requests to one registry: none until the registry asks, then what it asks for. Tokens
 * are kept for as long as they live, one for each set of scopes.
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
  known(scopes: readonly string[]): string | undefined {
    const now = Date.now();
    for (const token of this.#tokens.values())
      if (token.until > now && scopes.every(scope => token.scopes.includes(scope))) return token.header;
    return undefined;
  }

  /**
   * The header that answers a registry's 401. Concurrent requests share one question to the token server.
   * @param scopes what the request needs; nothing for who only wants to be let in
   * @throws StagecraftError `io` when there is none
   */
  async answer(
    header: string | undefined,
    repository: string,
    scopes: readonly string[],
    asked: URL,
  ): Promise<string> {
    const key = scopes.join(' ');
    let running = this.#running.get(key);
    if (running === undefined) {
      running = this.#obtain(parseChallenges(header ?? ''), repository, scopes, asked).finally(() =>
        this.#running.delete(key),
      );
      this.#running.set(key, running);
    }
    const token = await running;
    this.#tokens.set(key, token);
    return token.header;
  }

  async #obtain(
    challenges: Challenge[],
    repository: string,
    scopes: readonly string[],
    asked: URL,
  ): Promise<Token> {
    const credential = await this.#find(this.#registry, repository);
    const forever = { scopes, until: Number.POSITIVE_INFINITY };
    if (credential?.type === 'bearer') return { header: `Bearer ${credential.token}`, ...forever };
    const bearer = challenges.find(({ scheme }) => scheme === 'bearer');
    if (bearer) return this.#askTokenServer(bearer, credential, scopes, asked);
    const basic = challenges.some(({ scheme }) => scheme === 'basic');
    if (basic && credential?.type === 'password') return { header: basicHeader(credential), ...forever };
    throw denied(this.#registry, scopes, credential);
  }

  async #askTokenServer(
    { parameters }: Challenge,
    credential: Exclude<Credential, { type: 'bearer' }> | undefined,
    needed: readonly string[],
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
    // A registry may know the repository by another name, or want to see more than one.
    const wanted = (parameters.get('scope') ?? '').split(' ').filter(scope => /^repository:./.test(scope));
    const scopes = [...needed, ...wanted.filter(scope => !needed.some(each => covers(each, scope)))];
    const service = parameters.get('service');
    const fields = new URLSearchParams(service ? { service } : {});
    const response = await (credential?.type === 'identity'
      ? this.#exchange(realm, fields, scopes, credential.token)
      : this.#request(realm, fields, scopes, credential));
    if (response.status === 401 || response.status === 403) {
      response.body.destroy();
      throw denied(this.#registry, needed, credential);
    }
    const answer = await readBounded(response, answerLimit);
    const token = response.status === 200 && answer ? readToken(answer, scopes) : undefined;
    if (token === undefined)
      throw new StagecraftError(
        'io',
        `${shownAddress(realm)} gives no token${needed.length > 0 ? ` for ${needed.join(' and ')}` : ''}: it answers ${response.status}.`,
      );
    return token;
  }

  #request(
    realm: URL,
    fields: URLSearchParams,
    scopes: readonly string[],
    credential: (Credential & { type: 'password' }) | undefined,
  ) {
    const url = new URL(realm);
    for (const [name, value] of fields) url.searchParams.append(name, value);
    for (const scope of scopes) url.searchParams.append('scope', scope);
    const headers = credential && { authorization: basicHeader(credential) };
    return send({ method: 'GET', url, headers }, this.#services);
  }

  #exchange(url: URL, fields: URLSearchParams, scopes: readonly string[], token: string) {
    if (scopes.length > 0) fields.set('scope', scopes.join(' '));
    fields.set('grant_type', 'refresh_token');
    fields.set('client_id', 'stagecraft');
    fields.set('refresh_token', token);
    const headers = { 'content-type': 'application/x-www-form-urlencoded' };
    const body = Buffer.from(fields.toString());
    // The credential is in the body, which would follow to any host.
    return send({ method: 'POST', url, headers, body, follow: false }, this.#services);
  }
}

/** A refusal, as an error to throw, with what to do. */
export function denied(
  registry: string,
  scopes: readonly string[],
  credential?: Credential,
): StagecraftError {
  const [, repository, actions] = scopes[0]?.split(':') ?? [];
  if (repository === undefined)
    return new StagecraftError('io', `The registry ${registry} does not accept this user name and password.`);
  return new StagecraftError(
    'io',
    `The registry ${registry} does not allow ${actions?.replace(',', ' and ')} for ${repository}.`,
    {
      hint: credential
        ? `Check the name, and that the account that you logged in with may do so; if its password is another one now, log in again with \`stagecraft login ${registry}\`.`
        : `Check the name; if the repository is private, log in with \`stagecraft login ${registry}\`.`,
    },
  );
}

/** Whether one scope has all that another has. */
function covers(scope: string, other: string): boolean {
  const [place, actions] = splitScope(scope);
  const [otherPlace, otherActions] = splitScope(other);
  return place === otherPlace && otherActions.every(action => actions.includes(action));
}

function splitScope(scope: string): [place: string, actions: string[]] {
  const colon = scope.lastIndexOf(':');
  return [scope.slice(0, colon), scope.slice(colon + 1).split(',')];
}

/** What a token is for (distribution's token scope grammar). */
export function scopeOf(repository: string, actions: Actions): string {
  return `repository:${repository}:${actions}`;
}

function basicHeader({ username, password }: Credential & { type: 'password' }): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
}

function readToken(bytes: Buffer, scopes: readonly string[]): Token | undefined {
  try {
    const answer = JSON.parse(bytes.toString()) as Record<string, unknown>;
    const text = answer.token || answer.access_token;
    if (typeof text !== 'string') return undefined;
    const life = typeof answer.expires_in === 'number' ? answer.expires_in : defaultLife;
    // Some of its life goes by on the way.
    return { header: `Bearer ${text}`, scopes, until: Date.now() + Math.max(life - 10, 1) * 1000 };
  } catch {
    return undefined;
  }
}
