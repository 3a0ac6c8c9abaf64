import { StagecraftError } from '../util/errors.ts';
import { ipVersion } from '../util/ip-address.ts';

/**
 * The ports that one word of EXPOSE names: `80`, `80/udp`, `8000-8010`. Docker also takes the form of `docker run -p`,
 * `[ip:]hostport:port`, whose first parts must be right and count for nothing.
 * @returns `port/protocol` for each
 * @throws StagecraftError `dockerfile`
 */
export function parsePorts(word: string): string[] {
  const parts = word.split(':');
  const [container = ''] = parts.slice(-1);
  const host = parts.length > 1 ? parts.at(-2) : undefined;
  const address = parts
    .slice(0, -2)
    .join(':')
    .replace(/^\[(.*)\]$/, '$1');
  const [, range = '', protocol] = /^([^/]*)(?:\/(.*))?$/s.exec(container) ?? [];
  const name = (protocol || 'tcp').toLowerCase();
  if (!/^(tcp|udp|sctp)$/.test(name)) throw invalid(word, `its protocol is not tcp, udp or sctp`);
  if (address !== '' && ipVersion(address) === undefined)
    throw invalid(word, `"${address}" is not an IP address`);
  const ports = portRange(word, range);
  if (host) {
    const hosts = portRange(word, host);
    if (ports.length > 1 && hosts.length !== ports.length)
      throw invalid(word, 'its two ranges differ in length');
  }
  return ports.map(port => `${port}/${name}`);
}

function portRange(word: string, text: string): number[] {
  const [first = '', last = first] = text.split('-', 2);
  const [start, end] = [first, last].map(part => {
    const port = /^\+?[0-9]+$/.test(part) ? Number(part) : -1;
    if (port < 0 || port > 65535) throw invalid(word, 'a port is a number from 0 to 65535');
    return port;
  }) as [number, number];
  if (end < start || text.split('-').length > 2) throw invalid(word, 'its range runs backwards');
  return Array.from({ length: end - start + 1 }, (_, i) => start + i);
}

function invalid(word: string, why: string): StagecraftError {
  return new StagecraftError('dockerfile', `EXPOSE cannot take "${word}": ${why}.`, {
    hint: 'Write a port, or a range, with an optional protocol: EXPOSE 8080 8443/tcp 5000-5010/udp.',
  });
}
