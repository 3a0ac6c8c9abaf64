import type { AptConfig } from './apt-config.ts';

/** Proxy settings for one host, in the form that Node's `http.Agent` takes as `proxyEnv`. */
export interface ProxySettings {
  HTTP_PROXY?: string;
  HTTPS_PROXY?: string;
  NO_PROXY?: string;
}

/**
 * The proxies for a host, as apt finds them: its setting for the host, its setting for all, else the environment.
 * `DIRECT` means none. Settings for HTTP hold for HTTPS where it has none of its own (apt-transport-https(1)).
 */
export function findProxies(host: string, config: AptConfig, env: NodeJS.ProcessEnv): ProxySettings {
  const configured = (scheme: string) =>
    config.get(`acquire::${scheme}::proxy::${host.toLowerCase()}`) ?? config.get(`acquire::${scheme}::proxy`);
  const http = configured('http');
  const https = configured('https') ?? http;
  const fromEnvironment = {
    http: env.http_proxy || env.HTTP_PROXY || env.all_proxy || env.ALL_PROXY,
    https: env.https_proxy || env.HTTPS_PROXY || env.all_proxy || env.ALL_PROXY,
    none: env.no_proxy || env.NO_PROXY,
  };
  const settings: ProxySettings = {};
  const choose = (setting: string | undefined, fallback: string | undefined) =>
    setting?.toUpperCase() === 'DIRECT' ? undefined : setting || fallback;
  const httpProxy = choose(http, fromEnvironment.http);
  const httpsProxy = choose(https, fromEnvironment.https);
  if (httpProxy) settings.HTTP_PROXY = withScheme(httpProxy);
  if (httpsProxy) settings.HTTPS_PROXY = withScheme(httpsProxy);
  // What apt is told itself holds for every host.
  if (fromEnvironment.none && !http && !https) settings.NO_PROXY = fromEnvironment.none;
  return settings;
}

function withScheme(proxy: string): string {
  return proxy.includes('://') ? proxy : `http://${proxy}`;
}
