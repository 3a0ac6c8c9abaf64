import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { isErrno, StagecraftError } from '../../util/errors.ts';

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
  const path = join(env.DOCKER_CONFIG || join(env.HOME || homedir(), '.docker'), 'config.json');
  const settings = readConfig(path)?.proxies?.default ?? {};
  const values: Record<string, string> = {};
  for (const [key, name] of Object.entries(variables)) {
    const value = settings[key];
    if (typeof value !== 'string' || value === '') continue;
    values[name] = value;
    values[name.toLowerCase()] = value;
  }
  return values;
}

interface DockerConfig {
  proxies?: { default?: Record<string, unknown> };
}

function readConfig(path: string): DockerConfig | undefined {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as DockerConfig;
  } catch (error) {
    if (isErrno(error, 'ENOENT', 'ENOTDIR', 'EACCES')) return undefined;
    if (!(error instanceof SyntaxError)) throw error;
    throw new StagecraftError('usage', `The Docker configuration ${path} is not JSON: ${error.message}.`, {
      cause: error,
    });
  }
}
