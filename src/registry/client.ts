import type { OutgoingHttpHeaders } from 'node:http';
import { documentLimit, parseJson } from '../content/json.ts';
import { documentType, isIndexType, isManifestType } from '../image/manifest.ts';
import { type Descriptor, mediaTypes } from '../image/types.ts';
import type { Agents } from '../transport/agents.ts';
import {
  discard,
  type Request,
  type Response,
  readBounded,
  send,
  shownAddress,
} from '../transport/request.ts';
import { type Digest, digestOf, isDigest } from '../util/digest.ts';
import { StagecraftError } from '../util/errors.ts';
import { type Actions, Authorizer, denied, scopeOf } from './auth.ts';
import { readBlob } from './blob.ts';
import type { FindCredential } from './credential.ts';
import type { Endpoint } from './endpoints.ts';

/** A manifest or an index with its bytes, verified. */
export interface Fetched {
  readonly descriptor: Descriptor;
  readonly bytes: Buffer;
}

export interface ClientServices {
  readonly agents: Agents;
  readonly findCredential: FindCredential;
  /** What the client is going to do: one token is for all of it. */
  readonly actions: Actions;
  readonly signal?: AbortSignal | undefined;
  readonly retryDelay?: number | undefined;
}

/** What a request has besides its method and place. */
export interface RequestOptions extends Pick<Request, 'headers' | 'body' | 'once'> {
  /** Another repository that it reads from. */
  readonly from?: string | undefined;
}

const accepted = [
  mediaTypes.index,
  mediaTypes.manifest,
  mediaTypes.dockerManifestList,
  mediaTypes.dockerManifest,
].join(', ');

/** One repository of a registry, by the protocol of the OCI distribution specification. */
export class RepositoryClient {
  readonly #endpoint: Endpoint;
  readonly #services: ClientServices;
  readonly #authorizer: Authorizer;
  #base: Promise<URL> | undefined;

  constructor(endpoint: Endpoint, services: ClientServices) {
    this.#endpoint = endpoint;
    this.#services = services;
    this.#authorizer = new Authorizer(endpoint.registry, services.findCredential, services);
  }

  /** Host and port: `docker.io`. */
  get registry(): string {
    return this.#endpoint.registry;
  }

  get repository(): string {
    return this.#endpoint.repository;
  }

  /** `docker.io/library/debian`, for messages. */
  get name(): string {
    return `${this.registry}/${this.repository}`;
  }

  /** Whether the registry lets us in. @throws StagecraftError `io` */
  async greet(): Promise<void> {
    const response = await this.#authorized({ method: 'GET', url: await this.#findBase() }, []);
    if (response.status !== 200)
      throw await this.refused(response, `The registry ${this.#endpoint.registry}`);
    discard(response);
  }

  /**
   * The manifest or index that a tag or digest names (Pulling manifests).
   * @throws StagecraftError `not-found`; `integrity` when it is not what its digest says; `io`
   */
  async manifest(reference: string): Promise<Fetched> {
    const response = await this.request('GET', `manifests/${reference}`, { headers: { accept: accepted } });
    const what = `The manifest ${this.name}${isDigest(reference) ? '@' : ':'}${reference}`;
    if (response.status !== 200) throw await this.refused(response, what);
    const bytes = await readWhole(response, what);
    const digest = digestOf(bytes);
    const stated = isDigest(reference) ? reference : response.headers['docker-content-digest'];
    if (stated !== undefined && stated !== digest)
      throw new StagecraftError('integrity', `${what} should have the digest ${stated}, but has ${digest}.`, {
        hint: 'Something on the way changed it, or the registry is broken.',
      });
    const document = parseJson(bytes, what);
    const mediaType = documentType(document);
    const header = response.headers['content-type']?.split(';')[0]?.trim();
    if (header !== undefined && isKnownType(header) && header !== mediaType)
      throw new StagecraftError(
        'integrity',
        `${what} calls itself ${mediaType}, but the registry sent it as ${header}.`,
      );
    return { descriptor: { mediaType, digest, size: bytes.length }, bytes };
  }

  /** The digest that a tag has now, without its content; nothing where the registry does not say. @throws as `manifest` */
  async digest(reference: string): Promise<Digest | undefined> {
    const response = await this.request('HEAD', `manifests/${reference}`, { headers: { accept: accepted } });
    discard(response);
    if (response.status !== 200) throw await this.refused(response, `The manifest ${this.name}:${reference}`);
    const digest = response.headers['docker-content-digest'];
    return typeof digest === 'string' && isDigest(digest) ? digest : undefined;
  }

  /**
   * The bytes of a blob, from an offset on; a lost connection goes on where it was (Pulling blobs). Whoever stores
   * them verifies them.
   * @throws StagecraftError `not-found`; `io`; `integrity` where it is longer than it should be
   */
  blob(descriptor: Descriptor, from = 0): AsyncGenerator<Uint8Array, void, undefined> {
    const what = `The blob ${descriptor.digest} of ${this.name}`;
    const open = async (at: number): Promise<Response> => {
      const headers: OutgoingHttpHeaders = at > 0 ? { range: `bytes=${at}-` } : {};
      const response = await this.request('GET', `blobs/${descriptor.digest}`, { headers });
      if (response.status === 200) return response;
      if (at > 0 && response.status === 206 && beginsAt(response, at)) return response;
      if (at > 0 && (response.status === 206 || response.status === 416)) {
        response.body.destroy();
        throw new StagecraftError('integrity', `${what} cannot be had from its byte ${at} on.`);
      }
      throw await this.refused(response, what);
    };
    return readBlob(open, { from, size: descriptor.size }, what, this.#services.signal);
  }

  /**
   * Sends a request, authorized for what it does. An answer of any status comes back.
   * @param place a path within the repository, or an address that the registry gave
   */
  async request(
    method: Request['method'],
    place: string | URL,
    options: RequestOptions = {},
  ): Promise<Response> {
    const { repository } = this.#endpoint;
    const base = await this.#findBase();
    const url = typeof place === 'string' ? new URL(`${repository}/${place}`, base) : place;
    const { headers, body, once } = options;
    const request = { method, url, headers, body, once };
    // Another host that the registry sends us to gets no token.
    if (url.origin !== base.origin) return send(request, this.#services);
    const scopes = [this.#scope, ...(options.from === undefined ? [] : [scopeOf(options.from, 'pull')])];
    return this.#authorized(request, scopes);
  }

  /** Sends a request with the token that is known, and once more with the one that the answer asks for. */
  async #authorized(request: Request, scopes: readonly string[]): Promise<Response> {
    const authorizer = this.#authorizer;
    const known = authorizer.known(scopes);
    const first = await send(withAuthorization(request, known), this.#services);
    // A place that the registry sent us on to has its own rules.
    if (first.status !== 401 || first.url.origin !== request.url.origin) return first;
    discard(first);
    const header = await authorizer.answer(
      first.headers['www-authenticate'],
      this.#endpoint.repository,
      scopes,
      request.url,
    );
    return send(withAuthorization(request, header), this.#services);
  }

  get #scope(): string {
    return scopeOf(this.#endpoint.repository, this.#services.actions);
  }

  /** A registry that may do without TLS is asked which it does. */
  #findBase(): Promise<URL> {
    const [secure, plain] = this.#endpoint.bases;
    this.#base ??=
      plain === undefined
        ? Promise.resolve(secure!)
        : answers(secure!, this.#services).then(isSecure => (isSecure ? secure! : plain));
    return this.#base;
  }

  /** What an answer that is none means. `what` begins the sentence. */
  async refused(response: Response, what: string): Promise<StagecraftError> {
    const { registry, repository } = this.#endpoint;
    if (response.status === 401 || response.status === 403) {
      response.body.destroy();
      const credential = await this.#services.findCredential(registry, repository);
      return denied(registry, repository === '' ? [] : [this.#scope], credential);
    }
    const reason = await explain(response);
    if (response.status === 404)
      return new StagecraftError('not-found', `${what} does not exist${reason}.`, {
        hint: 'Check the name, the tag and the registry.',
      });
    return new StagecraftError(
      'io',
      `${what}: ${shownAddress(response.url)} answers ${response.status}${reason}.`,
      { hint: hintFor(response.status, registry) },
    );
  }
}

/** RFC 9110, 14.4. */
function beginsAt({ headers }: Response, at: number): boolean {
  const [, first] = /^bytes ([0-9]+)-/.exec(headers['content-range'] ?? '') ?? [];
  return first === undefined || Number(first) === at;
}

function withAuthorization(request: Request, authorization: string | undefined): Request {
  return authorization === undefined
    ? request
    : { ...request, headers: { ...request.headers, authorization } };
}

function hintFor(status: number, registry: string): string | undefined {
  if (status === 429)
    return `The registry limits how often it may be asked: wait, or log in with \`stagecraft login ${registry}\`, which often allows more.`;
  return status >= 500 ? 'The registry has a problem of its own: try again later.' : undefined;
}

function isKnownType(mediaType: string): boolean {
  return isIndexType(mediaType) || isManifestType(mediaType);
}

async function answers(base: URL, services: ClientServices): Promise<boolean> {
  try {
    const response = await send({ method: 'GET', url: base }, { ...services, tries: 1 });
    response.body.destroy();
    return true;
  } catch (error) {
    if (error instanceof StagecraftError && error.code === 'io') return false;
    throw error;
  }
}

async function readWhole(response: Response, what: string): Promise<Buffer> {
  const bytes = await readBounded(response, documentLimit);
  if (bytes !== undefined) return bytes;
  throw new StagecraftError('integrity', `${what} is longer than ${documentLimit >> 20} MiB.`);
}

/** The reason that a registry gives in its JSON (Error Codes), where it is short text. */
async function explain(response: Response): Promise<string> {
  try {
    const bytes = await readBounded(response, 1 << 16);
    const answer = JSON.parse(String(bytes)) as { errors?: { message?: unknown }[] };
    const message = answer.errors?.[0]?.message;
    if (typeof message !== 'string') return '';
    // Text of strangers on a terminal: no control characters.
    return ` (${message.replace(/[^ -~]/g, ' ').slice(0, 200)})`;
  } catch {
    return '';
  }
}
