import type { Reference } from '../image/reference.ts';
import type { Agents } from '../transport/agents.ts';
import { StagecraftError } from '../util/errors.ts';
import { RepositoryClient } from './client.ts';
import { credentialsOf, type FindCredential } from './credentials.ts';
import { agentsFor, type Endpoint, endpointsFor } from './endpoints.ts';
import { type RegistrySetting, readRegistrySettings } from './settings.ts';

export interface RegistriesOptions {
  /** The process's variables: proxies, and where configurations lie. */
  readonly env: NodeJS.ProcessEnv;
  readonly signal?: AbortSignal | undefined;
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
    this.#findCredential = credentialsOf(options.env);
  }

  /**
   * Asks the mirrors of a repository one after another, then its registry, until one has an answer.
   * @throws what the registry itself says
   */
  async ask<T>(reference: Reference, question: (client: RepositoryClient) => Promise<T>): Promise<T> {
    const endpoints = await this.#endpoints(reference);
    for (const mirror of endpoints.slice(0, -1)) {
      try {
        return await question(this.#client(mirror));
      } catch (error) {
        // A mirror that is down or lacks the image is no reason to fail; one that lies is.
        if (!(error instanceof StagecraftError) || !/^(io|not-found)$/.test(error.code)) throw error;
      }
    }
    return question(this.#client(endpoints.at(-1)!));
  }

  /** The repository in its registry itself: what is written goes to no mirror. */
  async repository(reference: Reference): Promise<RepositoryClient> {
    return this.#client((await this.#endpoints(reference)).at(-1)!);
  }

  close(): void {
    for (const agents of this.#agents.values()) agents.close();
  }

  async #endpoints(reference: Reference): Promise<Endpoint[]> {
    this.#settings ??= readRegistrySettings(this.#options.env);
    return endpointsFor(await this.#settings, reference);
  }

  #client(endpoint: Endpoint): RepositoryClient {
    const key = `${endpoint.bases.join(' ')} ${endpoint.repository}`;
    let client = this.#clients.get(key);
    if (client === undefined) {
      const { signal, retryDelay } = this.#options;
      const agents = this.#agentsFor(endpoint);
      client = new RepositoryClient(endpoint, {
        agents,
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
