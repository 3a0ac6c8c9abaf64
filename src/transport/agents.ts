import { Agent } from 'node:http';
import { Agent as SecureAgent } from 'node:https';
import { getCACertificates } from 'node:tls';
import { isErrno, StagecraftError } from '../util/errors.ts';
import { isExcepted } from './exceptions.ts';

/** How to reach one kind of peer. */
export interface AgentOptions {
  /** The process's variables, for `HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY` in either case. */
  readonly env: NodeJS.ProcessEnv;
  /** Certificates to trust beside those of this machine, PEM. */
  readonly authorities?: readonly string[] | undefined;
  /** A certificate to show and its key, PEM. */
  readonly client?: { readonly certificate: string; readonly key: string } | undefined;
  /** Accepts any certificate. */
  readonly insecure?: boolean | undefined;
  /** Connections to one host at once. */
  readonly connections?: number | undefined;
}

/** Connections that are kept for further requests, for plain and for secure addresses. */
export interface Agents {
  for(url: URL): Agent;
  close(): void;
}

export function createAgents(options: AgentOptions): Agents {
  const { proxies, except } = proxiesOf(options.env);
  const made = new Map<string, Agent>();
  return {
    for(url) {
      const isDirect = isExcepted(url, except);
      const key = `${url.protocol} ${isDirect}`;
      let agent = made.get(key);
      if (agent === undefined) {
        agent = createAgent(url.protocol, options, isDirect ? {} : proxies);
        made.set(key, agent);
      }
      return agent;
    },
    close() {
      for (const agent of made.values()) agent.destroy();
    },
  };
}

function createAgent(protocol: string, options: AgentOptions, proxyEnv: Record<string, string>): Agent {
  const common = { keepAlive: true, maxSockets: options.connections ?? 8, proxyEnv };
  refuseOthers(protocol === 'http:' ? proxyEnv.HTTP_PROXY : proxyEnv.HTTPS_PROXY);
  try {
    if (protocol === 'http:') return new Agent(common);
    return new SecureAgent({
      ...common,
      ca: [...machineAuthorities(), ...(options.authorities ?? [])],
      rejectUnauthorized: !options.insecure,
      ...(options.client && { cert: options.client.certificate, key: options.client.key }),
    });
  } catch (error) {
    if (!isErrno(error, 'ERR_PROXY_INVALID_CONFIG')) throw error;
    // It may hold a password, so no message shows it.
    throw new StagecraftError('usage', 'The environment names a proxy by something that is no address.', {
      hint: 'Look at HTTP_PROXY, HTTPS_PROXY and ALL_PROXY: they take addresses such as http://proxy.example.com:3128.',
    });
  }
}

/** Node passes over proxies of other protocols, and goes without one where the user wants one. */
function refuseOthers(proxy = ''): void {
  const scheme = /^([a-z0-9+.-]+):\/\//i.exec(proxy)?.[1];
  if (scheme === undefined || /^https?$/i.test(scheme)) return;
  throw new StagecraftError('unsupported', `The environment names a proxy that speaks ${scheme}.`, {
    hint: 'Proxies of HTTP can be used: name one in HTTPS_PROXY and HTTP_PROXY, or what needs none in NO_PROXY.',
  });
}

let trusted: string[] | undefined;

/** Whom this process trusts (also by `NODE_EXTRA_CA_CERTS`), and whom the machine does (also by `SSL_CERT_FILE`). */
function machineAuthorities(): string[] {
  trusted ??= [...new Set([...getCACertificates('default'), ...getCACertificates('system')])];
  return trusted;
}

/** The proxies, in the form that Node's agents take, and what `NO_PROXY` says. */
function proxiesOf(env: NodeJS.ProcessEnv): { proxies: Record<string, string>; except: string } {
  const all = env.all_proxy || env.ALL_PROXY;
  const found = {
    HTTP_PROXY: env.http_proxy || env.HTTP_PROXY || all,
    HTTPS_PROXY: env.https_proxy || env.HTTPS_PROXY || all,
  };
  const entries = Object.entries(found).filter((entry): entry is [string, string] => Boolean(entry[1]));
  return {
    proxies: Object.fromEntries(entries.map(([name, value]) => [name, withScheme(value)])),
    except: env.no_proxy || env.NO_PROXY || '',
  };
}

function withScheme(proxy: string): string {
  return proxy.includes('://') ? proxy : `http://${proxy}`;
}
