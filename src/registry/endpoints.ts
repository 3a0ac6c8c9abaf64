import { accessSync, constants, existsSync, readdirSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { createSecureContext } from 'node:tls';
import type { Reference } from '../image/reference.ts';
import { type AgentOptions, type Agents, createAgents } from '../transport/agents.ts';
import { isErrno, StagecraftError } from '../util/errors.ts';
import { matchedLength, type RegistrySetting, settingFor } from './settings.ts';

type Certificates = Pick<AgentOptions, 'authorities' | 'client'>;

/** A server that has a repository: the registry itself or a mirror of it. */
export interface Endpoint {
  /** Host and port as credentials and messages name it: `docker.io`. */
  readonly registry: string;
  readonly repository: string;
  /** The addresses of its API, best first: `https://registry-1.docker.io/v2/`. */
  readonly bases: readonly URL[];
}

/** The servers that may have a repository: mirrors first, in order. @throws StagecraftError `usage` where it is blocked */
export function endpointsFor(settings: readonly RegistrySetting[], reference: Reference): Endpoint[] {
  const name = `${reference.domain}/${reference.path}`;
  const setting = settingFor(settings, name);
  if (setting === undefined) return [endpoint(name, false)];
  if (setting.blocked)
    throw new StagecraftError('usage', `The registry settings of this machine block ${name}.`);
  const rest = name.slice(matchedLength(setting.prefix, name));
  const kind = reference.digest === undefined ? 'tag-only' : 'digest-only';
  return [
    ...setting.mirrors
      .filter(({ serves }) => serves === 'all' || serves === kind)
      .map(({ location, insecure }) => endpoint(`${location}${rest}`, insecure)),
    endpoint(setting.location === undefined ? name : `${setting.location}${rest}`, setting.insecure),
  ];
}

function endpoint(name: string, insecure: boolean): Endpoint {
  const slash = name.indexOf('/');
  const registry = name.slice(0, slash);
  const host = registry === 'docker.io' ? 'registry-1.docker.io' : registry;
  const secure = new URL(`https://${host}/v2/`);
  const isPlain = insecure || isLoopback(secure.hostname);
  return {
    registry,
    repository: name.slice(slash + 1),
    bases: isPlain ? [secure, new URL(`http://${host}/v2/`)] : [secure],
  };
}

/** The same server, also where it speaks no TLS or shows a certificate that nobody vouches for. */
export function asInsecure(endpoint: Endpoint): Endpoint {
  const [secure] = endpoint.bases;
  return { ...endpoint, bases: [secure!, new URL(secure!.href.replace(/^https:/, 'http:'))] };
}

/** As Docker does: a registry of this very machine needs no TLS. */
function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127(\.[0-9]+){3}$/.test(hostname);
}

/**
 * Connections to a registry, with the certificates that lie in a `certs.d` directory for it (Docker's and
 * containers-certs.d(5)): `*.crt` are authorities, `*.cert` and `*.key` are the client's own.
 */
export function agentsFor(host: string, env: NodeJS.ProcessEnv, insecure: boolean): Agents {
  const home = env.XDG_CONFIG_HOME || join(env.HOME || homedir(), '.config');
  const places = [join(home, 'containers/certs.d'), '/etc/containers/certs.d', '/etc/docker/certs.d'];
  const directory = places.map(place => join(place, host)).find(existsSync);
  const files = directory === undefined ? [] : filesOf(directory);
  if (directory === undefined || files.length === 0) return createAgents({ env, insecure });
  const read = (name: string): string => readFileSync(join(directory, name), 'utf8');
  const client = files.find(name => name.endsWith('.cert'));
  const key = client?.replace(/cert$/, 'key');
  if (key !== undefined && !files.includes(key))
    throw new StagecraftError('usage', `The certificate ${join(directory, client!)} has no key beside it.`, {
      hint: `Put it into ${join(directory, key)}.`,
    });
  const certificates = {
    authorities: files.filter(name => name.endsWith('.crt')).map(read),
    client: client === undefined ? undefined : { certificate: read(client), key: read(key!) },
  };
  checkCertificates(certificates, directory);
  return createAgents({ env, insecure, ...certificates });
}

/** A bad one would be told of by the first request, which does not know where it came from. */
function checkCertificates({ authorities, client }: Certificates, directory: string): void {
  try {
    createSecureContext({ ca: [...(authorities ?? [])], cert: client?.certificate, key: client?.key });
  } catch (cause) {
    const reason = (cause as Error).message;
    throw new StagecraftError('usage', `The certificates in ${directory} cannot be used: ${reason}.`, {
      cause,
    });
  }
}

/** What this user may read; as with Podman, the rest is for others. */
function filesOf(directory: string): string[] {
  try {
    return readdirSync(directory)
      .sort()
      .filter(name => isReadable(join(directory, name)));
  } catch (error) {
    if (isErrno(error, 'EACCES', 'ENOTDIR')) return [];
    throw error;
  }
}

function isReadable(path: string): boolean {
  try {
    accessSync(path, constants.R_OK);
    return true;
  } catch {
    return false;
  }
}
