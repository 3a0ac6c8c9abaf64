import { existsSync, readFileSync, realpathSync } from 'node:fs';
import type { SandboxSpec } from './types.ts';

/** The lines of hosts(5) that every machine has. */
const usual = ['127.0.0.1\tlocalhost', '::1\tlocalhost ip6-localhost ip6-loopback'];

/** `/etc/hosts` for a spec: the machine's own on its network, its name made known, then the extra lines. */
export function hostsFile({ network, hostname, extraHosts }: SandboxSpec): string {
  const own =
    network === 'host' && existsSync('/etc/hosts') ? [readFileSync('/etc/hosts', 'utf8').trimEnd()] : usual;
  const extra = extraHosts.map(([host, address]) => `${address}\t${host}`);
  return [...own, ...(hostname === '' ? [] : [`127.0.0.1\t${hostname}`]), ...extra, ''].join('\n');
}

/** Where the machine's `/etc/resolv.conf` really lies; nothing where it has none. */
export function resolvConfPath(): string | undefined {
  try {
    return realpathSync('/etc/resolv.conf');
  } catch {
    return undefined;
  }
}
