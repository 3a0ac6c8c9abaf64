import { BlockList, isIP } from 'node:net';

/**
 * Whether an address is reached past all proxies, as Go's programs, Docker among them, have it: this very machine is,
 * and what `NO_PROXY` lists: `*`, IP addresses, networks such as `10.0.0.0/8`, `example.com` with all below it, and
 * `.example.com` or `*.example.com` for those below alone; each with or without a port.
 */
export function isExcepted(url: URL, noProxy: string): boolean {
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const port = url.port || (url.protocol === 'https:' ? '443' : '80');
  if (host === 'localhost' || host === '::1' || /^127(\.[0-9]+){3}$/.test(host)) return true;
  return noProxy
    .split(',')
    .map(entry => entry.trim().toLowerCase())
    .some(entry => entry !== '' && fits(entry, host, port));
}

function fits(entry: string, host: string, port: string): boolean {
  if (entry === '*') return true;
  const [, network, bits] = /^(.+)\/([0-9]+)$/.exec(entry) ?? [];
  if (network !== undefined) return isWithin(host, network, Number(bits));
  const [, name = entry, wanted] = isIP(entry) === 6 ? [] : (/^(.*?)(?::([0-9]+))?$/.exec(entry) ?? []);
  if (wanted !== undefined && wanted !== port) return false;
  const plain = name.replace(/^\[|\]$/g, '').replace(/^\*(?=\.)/, '');
  return plain.startsWith('.') ? host.endsWith(plain) : host === plain || host.endsWith(`.${plain}`);
}

function isWithin(host: string, network: string, bits: number): boolean {
  const family = isIP(network);
  if (family === 0 || isIP(host) !== family || bits > (family === 4 ? 32 : 128)) return false;
  const list = new BlockList();
  const type = family === 4 ? 'ipv4' : 'ipv6';
  list.addSubnet(network, bits, type);
  return list.check(host, type);
}
