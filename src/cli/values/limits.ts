import { StagecraftError } from '../../util/errors.ts';
import { ipVersion } from '../../util/ip-address.ts';

const limitNames = new Set(
  'core cpu data fsize locks memlock msgqueue nice nofile nproc rss rtprio rttime sigpending stack'.split(
    ' ',
  ),
);

/** `--ulimit NAME=SOFT[:HARD]`; -1 is no limit. @throws StagecraftError `usage` */
export function readUlimit(text: string): { name: string; soft: number; hard: number } {
  const match = /^(\w+)=(-1|\d+)(?::(-1|\d+))?$/.exec(text);
  const [, name, soft, hard = soft] = match ?? [];
  const reach = (value: string): number => (value === '-1' ? Number.POSITIVE_INFINITY : Number(value));
  if (name === undefined || soft === undefined || hard === undefined)
    throw new StagecraftError('usage', `The value "${text}" of --ulimit is not a limit.`, {
      hint: 'Write NAME=SOFT or NAME=SOFT:HARD, such as nofile=1024:4096.',
    });
  if (!limitNames.has(name))
    throw new StagecraftError('usage', `There is no limit ${name}.`, {
      hint: `There are: ${[...limitNames].join(', ')}.`,
    });
  if (reach(soft) > reach(hard))
    throw new StagecraftError('usage', `The soft limit in "${text}" is above the hard one.`);
  return { name, soft: Number(soft), hard: Number(hard) };
}

/**
 * `--add-host HOST:ADDRESS` or `HOST=ADDRESS`. As steps share this machine's network, `host-gateway` is the machine
 * itself.
 * @throws StagecraftError `usage`
 */
export function readHost(text: string): [host: string, address: string] {
  const [, host, address = ''] = /^([^:=\s]+)[:=]\[?([^\]]+)\]?$/.exec(text) ?? [];
  if (host !== undefined && address === 'host-gateway') return [host, '127.0.0.1'];
  if (host !== undefined && ipVersion(address) !== undefined) return [host, address];
  throw new StagecraftError('usage', `The value "${text}" of --add-host is not a host and its address.`, {
    hint: 'Write HOST:ADDRESS, such as registry.local:10.0.0.5.',
  });
}

/** A whole number of at least one. @throws StagecraftError `usage` */
export function readCount(flag: string, text: string): number {
  if (/^[1-9]\d{0,5}$/.test(text)) return Number(text);
  throw new StagecraftError('usage', `The value "${text}" of ${flag} is not a whole number of at least 1.`);
}

/** One of some words. @throws StagecraftError `usage` */
export function readChoice<const T extends string>(flag: string, text: string, choices: readonly T[]): T {
  const choice = choices.find(candidate => candidate === text);
  if (choice !== undefined) return choice;
  throw new StagecraftError('usage', `The value "${text}" of ${flag} is none of ${choices.join(', ')}.`);
}
