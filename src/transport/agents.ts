import { Agent } from 'node:http';
import { Agent as SecureAgent } from 'node:https';
import { getCACertificates } from 'node:tls';

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
  const proxyEnv = proxiesOf(options.env);
  const common = { keepAlive: true, maxSockets: options.connections ?? 8, proxyEnv };
  let plain: Agent | undefined;
  let secure: SecureAgent | undefined;
  return {
    for(url) {
      if (url.protocol === 'http:') {
        plain ??= new Agent(common);
        return plain;
      }
      secure ??= new SecureAgent({
        ...common,
        ca: [...machineAuthorities(), ...(options.authorities ?? [])],
        rejectUnauthorized: !options.insecure,
        ...(options.client && { cert: options.client.certificate, key: options.client.key }),
      });
      return secure;
    },
    close() {
      plain?.destroy();
      secure?.destroy();
    },
  };
}

let trusted: string[] | undefined;

/** Whom this process trusts (also by `NODE_EXTRA_CA_CERTS`), and whom the machine does (also by `SSL_CERT_FILE`). */
function machineAuthorities(): string[] {
  trusted ??= [...new Set([...getCACertificates('default'), ...getCACertificates('system')])];
  return trusted;
}

/** In the form that Node's agents take. */
function proxiesOf(env: NodeJS.ProcessEnv): Record<string, string> {
  const proxies = {
    HTTP_PROXY: env.http_proxy || env.HTTP_PROXY || env.all_proxy || env.ALL_PROXY,
    HTTPS_PROXY: env.https_proxy || env.HTTPS_PROXY || env.all_proxy || env.ALL_PROXY,
    NO_PROXY: env.no_proxy || env.NO_PROXY,
  };
  const entries = Object.entries(proxies).filter((entry): entry is [string, string] => Boolean(entry[1]));
  return Object.fromEntries(
    entries.map(([name, value]) => [name, name === 'NO_PROXY' ? value : withScheme(value)]),
  );
}

function withScheme(proxy: string): string {
  return proxy.includes('://') ? proxy : `http://${proxy}`;
}
