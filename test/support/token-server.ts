import { execFileSync } from 'node:child_process';
import { createPrivateKey, type KeyObject, randomUUID, sign } from 'node:crypto';
import { mkdirSync, readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import type { Workspace } from './workspace.ts';

/** Who may do what in the repositories that begin with `prefix`; `''` is anybody. */
export interface Grant {
  readonly account: string;
  readonly prefix: string;
  readonly actions: readonly string[];
}

/** One question for a token. */
export interface Asked {
  readonly method: string;
  readonly account: string;
  readonly scopes: readonly string[];
}

/** Seconds that docker-registry takes a token for after it has expired. */
const leeway = 60;

/**
 * A token server, as distribution's token authentication has it: JSON Web Tokens, signed by a key whose certificate the
 * registry trusts, for what the account may do of what it asks for.
 */
export class TokenServer {
  /** The address of the realm. */
  realm = '';
  readonly service = 'tests';
  readonly issuer = 'test tokens';
  readonly certificate: string;
  readonly asked: Asked[] = [];
  /** All tokens it has given. */
  readonly given: string[] = [];
  /** Passwords by account. */
  readonly passwords = new Map<string, string>();
  /** Accounts by refresh token. */
  readonly refresh = new Map<string, string>();
  grants: readonly Grant[] = [];
  /** Seconds that the registry takes a token for; the answer says five minutes. */
  life = 300;
  /** Where questions are sent on to. */
  moved: string | undefined;
  readonly #key: KeyObject;

  private constructor(directory: string) {
    this.certificate = `${directory}/tokens.crt`;
    this.#key = createPrivateKey(readFileSync(`${directory}/tokens.key`));
  }

  static async start(work: Workspace): Promise<TokenServer> {
    const directory = work.path('token-server');
    mkdirSync(directory);
    const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'];
    const files = ['-keyout', `${directory}/tokens.key`, '-out', `${directory}/tokens.crt`];
    execFileSync('openssl', ['req', '-x509', ...key, '-subj', '/CN=Tokens', ...files], { stdio: 'ignore' });
    const tokens = new TokenServer(directory);
    const server = createServer((asked, response) => void tokens.#answer(asked, response));
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
    work.atEnd(() => server.close());
    tokens.realm = `http://127.0.0.1:${(server.address() as AddressInfo).port}/token`;
    return tokens;
  }

  async #answer(asked: IncomingMessage, response: ServerResponse): Promise<void> {
    if (this.moved !== undefined) {
      response.writeHead(307, { location: this.moved }).end();
      return;
    }
    const method = asked.method ?? '';
    const url = new URL(asked.url ?? '', this.realm);
    const fields = method === 'POST' ? new URLSearchParams(await text(asked)) : url.searchParams;
    const account =
      method === 'POST' ? this.refresh.get(fields.get('refresh_token') ?? '') : this.#basic(asked);
    if (account === undefined || fields.get('service') !== this.service) {
      response.writeHead(401, { 'content-type': 'application/json' }).end('{"details":"unauthorized"}');
      return;
    }
    // Distribution's way is one field a scope; OAuth's is one field with all of them.
    const scopes = fields.getAll('scope').flatMap(each => each.split(' '));
    this.asked.push({ method, account, scopes });
    const token = this.#token(account, scopes);
    const answer = method === 'POST' ? { access_token: token } : { token };
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ ...answer, expires_in: 300, issued_at: new Date().toISOString() }));
  }

  #basic(asked: IncomingMessage): string | undefined {
    const [scheme, code] = asked.headers.authorization?.split(' ') ?? [];
    if (scheme === undefined) return '';
    const [name, password] = Buffer.from(code ?? '', 'base64')
      .toString()
      .split(':');
    return scheme === 'Basic' && this.passwords.get(name!) === password ? name : undefined;
  }

  #token(account: string, scopes: readonly string[]): string {
    const access = scopes.map(scope => {
      const [type, name, actions] = scope.split(':') as [string, string, string];
      const granted = this.grants
        .filter(grant => (grant.account === '' || grant.account === account) && name.startsWith(grant.prefix))
        .flatMap(grant => grant.actions);
      return { type, name, actions: actions.split(',').filter(action => granted.includes(action)) };
    });
    const now = Math.floor(Date.now() / 1000);
    const der = readFileSync(this.certificate, 'utf8').replace(/-----[^-]+-----|\s/g, '');
    const header = { typ: 'JWT', alg: 'ES256', x5c: [der] };
    const times = { iat: now - leeway, nbf: now - leeway, exp: now - leeway + this.life };
    const claims = { iss: this.issuer, sub: account, aud: this.service, jti: randomUUID(), ...times, access };
    const body = [header, claims]
      .map(part => Buffer.from(JSON.stringify(part)).toString('base64url'))
      .join('.');
    const signature = sign('sha256', Buffer.from(body), { key: this.#key, dsaEncoding: 'ieee-p1363' });
    const token = `${body}.${signature.toString('base64url')}`;
    this.given.push(token);
    return token;
  }
}
