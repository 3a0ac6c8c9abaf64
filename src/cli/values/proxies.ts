import { dockerConfigPath, readDockerConfig } from '../../registry/docker-config.ts';

const variables = {
  httpProxy: 'HTTP_PROXY',
  httpsProxy: 'HTTPS_PROXY',
  noProxy: 'NO_PROXY',
  ftpProxy: 'FTP_PROXY',
  allProxy: 'ALL_PROXY',
} as const;

/**
 * The proxy variables that the user's Docker configuration sets for builds and containers: `proxies.default` of
 * `config.json`, each in upper and lower case.
 * @throws StagecraftError `usage` when the file is not JSON
 */
export function readProxies(env: NodeJS.ProcessEnv): Record<string, string> {
  const settings = readDockerConfig(dockerConfigPath(env))?.proxies?.default ?? {};
  const values: Record<string, string> = {};
  for (const [key, name] of Object.entries(variables)) {
    const value = settings[key];
    if (typeof value !== 'string' || value === '') continue;
    values[name] = value;
    values[name.toLowerCase()] = value;
  }
  return values;
}
