import { readFileSync, statSync } from 'node:fs';
import { isIP } from 'node:net';
import { resolve } from 'node:path';
import type { PublishedPort } from '../../api/ports.ts';
import type { SandboxMount } from '../../sandbox/types.ts';
import { isErrno, StagecraftError } from '../../util/errors.ts';
import { readVariables } from './pairs.ts';

/** `--publish [ADDRESS:]HOSTPORT:PORT[/tcp]`. @throws StagecraftError `usage` */
export function readPort(text: string): PublishedPort {
  const match = /^(?:(.*):)?(\d+):(\d+)(?:\/(\w+))?$/.exec(text);
  if (!match)
    throw new StagecraftError('usage', `The value "${text}" of --publish is not HOSTPORT:PORT.`, {
      hint: 'Write for example 8080:80.',
    });
  const [, bracketed, hostText, containerText, protocol = 'tcp'] = match;
  const address = bracketed?.replace(/^\[(.*)\]$/, '$1');
  const [hostPort, containerPort] = [Number(hostText), Number(containerText)];
  if (address !== undefined && isIP(address) === 0)
    throw new StagecraftError('usage', `"${address}" in --publish ${text} is not an IP address.`);
  if (protocol !== 'tcp')
    throw new StagecraftError('usage', `--publish passes on TCP only, not ${protocol}.`, {
      hint: 'The container shares the network of this machine: publish nothing, and use its port.',
    });
  for (const port of [hostPort, containerPort])
    if (port < 1 || port > 65_535) throw new StagecraftError('usage', `There is no port ${port}.`);
  if (address !== undefined && hostPort === containerPort)
    throw new StagecraftError('usage', `--publish ${text} cannot be kept to one address.`, {
      hint: 'The container shares the network of this machine: choose another port, or let the service listen there only.',
    });
  return { address, hostPort, containerPort };
}

/** `--volume SOURCE:TARGET[:ro]`. @throws StagecraftError `usage`; `not-found` where the source is missing */
export function readVolume(text: string): SandboxMount {
  const [source = '', target = '', options = '', ...rest] = text.split(':');
  const words = options.split(',').filter(word => word !== '');
  const unknown = words.find(word => !['ro', 'rw', 'z', 'Z'].includes(word));
  if (rest.length > 0 || unknown !== undefined || !target.startsWith('/') || source === '')
    throw new StagecraftError('usage', `The value "${text}" of --volume is not SOURCE:TARGET[:ro].`);
  if (!source.includes('/') && source !== '.')
    throw new StagecraftError('usage', `There are no named volumes, such as ${source}.`, {
      hint: `For a directory of that name write ./${source}:${target}.`,
    });
  const path = resolve(source);
  if (statSync(path, { throwIfNoEntry: false }) === undefined)
    throw new StagecraftError('not-found', `The source ${path} of --volume does not exist.`);
  return { type: 'bind', source: path, target, readonly: words.includes('ro') };
}

/** `--tmpfs TARGET`. @throws StagecraftError `usage` */
export function readTmpfs(text: string): SandboxMount {
  if (/^\/[^:]*$/.test(text)) return { type: 'tmpfs', target: text };
  throw new StagecraftError('usage', `The value "${text}" of --tmpfs is not an absolute path.`);
}

/**
 * The lines of an `--env-file`: `NAME=VALUE`, or a name to take from the environment; lines that begin with `#` and
 * empty ones are passed over.
 * @throws StagecraftError `not-found`, `usage`
 */
export function readEnvFile(path: string, env: NodeJS.ProcessEnv): Record<string, string> {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if (!isErrno(error, 'ENOENT', 'ENOTDIR')) throw error;
    throw new StagecraftError('not-found', `The file ${path} of --env-file does not exist.`, {
      cause: error,
    });
  }
  const lines = text.split(/\r?\n/).map(line => line.trimStart());
  return readVariables(
    '--env-file',
    lines.filter(line => line !== '' && !line.startsWith('#')),
    env,
  );
}
