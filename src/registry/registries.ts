import type { Reference } from '../image/reference.ts';
import type { Agents } from '../transport/agents.ts';
import { isErrorCode, StagecraftError } from '../util/errors.ts';
import type { Actions } from './auth.ts';
import { RepositoryClient } from './client.ts';
import type { FindCredential } from './credential.ts';
import { credentialsOf } from './credentials.ts';
import { agentsFor, asInsecure, type Endpoint, endpointsFor } from './endpoints.ts';
import { type RegistrySetting, readRegistrySettings } from './settings.ts';

export interface RegistriesOptions {
  /** The process's variables: proxies, and where configurations lie. */
  readonly env: NodeJS.ProcessEnv;
  readonly signal?: AbortSignal | undefined;
  /** Who this client is; as Docker's and Podman's configurations say unless given. */
  readonly findCredential?: FindCredential | undefined;
  /** Registries may be spoken to without TLS, or show a certificate that nobody vouches for. */
  readonly insecure?: boolean | undefined;
  /** Milliseconds before the first new try of a request; doubles with each. */
  readonly retryDelay?: number | undefined;
}

/** All registries as this machine is set up to reach them. Connections and tokens are shared until it is closed. */
export class Registries {
  readonly #options: RegistriesOptions;
  readonly #findCredential: FindCredential;
  readonly #clients = new Map<string, RepositoryClient>();
  readonly #agents = new Map<string, Agents>();
  #settings: Promise<RegistrySetting[]> | undefined;

  constructor(options: RegistriesOptions) {
    this.#options = options;
    this.#findCredential = options.findCredential ?? credentialsOf(options.env);
  }

  /**
   * Asks the mirrors of a repository one after another, then its registry, until one has an answer.
   * @throws what the registry itself says, with what the mirrors said
   */
  async ask<T>(reference: Reference, question: (client: RepositoryClient) => Promise<T>): Promise<T> {
    const endpoints = await this.#endpoints(reference);
    const failures: string[] = [];
    for (const mirror of endpoints.slice(0, -1)) {
      try {
        return await question(this.#client(mirror, 'pull'));
      } catch (error) {
        // A mirror that is down or lacks the image is no reason to fail; one that lies is.
        if (!isErrorCode(error, 'io', 'not-found')) throw error;
        failures.push(`The mirror ${mirror.registry} was asked first: ${error.message}`);
      }
    }
    try {
      return await question(await this.repository(reference, 'pull'));
    } catch (error) {
      if (failures.length === 0 || !(error instanceof StagecraftError)) throw error;
      const hint = [...(error.hint === undefined ? [] : [error.hint]), ...failures].join('\n');
      throw new StagecraftError(error.code, error.message, { hint, cause: error });
    }
  }

  /** The repository in its registry itself, past all mirrors: that is where one writes. */
  async repository(
    reference: Reference,
    actions: Actions,
    insecure = this.#options.insecure,
  ): Promise<RepositoryClient> {
    const endpoint = (await this.#endpoints(reference)).at(-1)!;
    return this.#client(insecure ? asInsecure(endpoint) : endpoint, actions);
  }

  /** Whether a registry lets this client in. @throws StagecraftError `io` */
  async greet(registry: string): Promise<void> {
    await (await this.repository({ domain: registry, path: '' }, 'pull')).greet();
  }

  close(): void {
    for (const agents of this.#agents.values()) agents.close();
  }

  async #endpoints(reference: Reference): Promise<Endpoint[]> {
    this.#settings ??= readRegistrySettings(this.#options.env);
    return endpointsFor(await this.#settings, reference);
  }

  #client(endpoint: Endpoint, actions: Actions): RepositoryClient {
    const key = `${endpoint.bases.join(' ')} ${endpoint.repository} ${actions}`;
    let client = this.#clients.get(key);
    if (client === undefined) {
      const { signal, retryDelay } = this.#options;
      const agents = this.#agentsFor(endpoint);
      client = new RepositoryClient(endpoint, {
        agents,
        actions,
        findCredential: this.#findCredential,
        signal,
        retryDelay,
      });
      this.#clients.set(key, client);
    }
    return client;
  }

  #agentsFor({ bases, registry }: Endpoint): Agents {
    const key = bases.join(' ');
    let agents = this.#agents.get(key);
    if (agents === undefined) {
      agents = agentsFor(registry, this.#options.env, bases.length > 1);
      this.#agents.set(key, agents);
    }
    return agents;
  }
}
