import { readFileSync, realpathSync, statSync } from 'node:fs';
import { StagecraftError } from '../util/errors.ts';

/** Where the distributions keep the bundle of certificate authorities that the machine trusts. */
const wellKnown = [
  '/etc/ssl/certs/ca-certificates.crt', // Debian, Ubuntu, Alpine, Arch
  '/etc/pki/tls/certs/ca-bundle.crt', // Fedora, RHEL
  '/etc/ssl/ca-bundle.pem', // openSUSE
  '/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem', // CentOS
  '/etc/ssl/cert.pem', // Alpine, OpenBSD's layout
];

/**
 * The bundles that together are what the host trusts: that of `SSL_CERT_FILE`, which stands for all, else the
 * machine's, and what `NODE_EXTRA_CA_CERTS` adds. None on a machine that has none.
 * @throws StagecraftError `not-found` for a bundle named in the environment that cannot be read
 */
export function hostBundles(env: NodeJS.ProcessEnv): string[] {
  const whole = namedBundle(env, 'SSL_CERT_FILE') ?? machineBundle();
  const extra = namedBundle(env, 'NODE_EXTRA_CA_CERTS');
  return [...new Set([whole, extra].filter(path => path !== undefined))];
}

/** Several bundles as one. */
export function joinBundles(paths: readonly string[]): Buffer {
  return Buffer.concat(paths.flatMap(path => [readFileSync(path), Buffer.from('\n')]));
}

function machineBundle(): string | undefined {
  const path = wellKnown.find(each => statSync(each, { throwIfNoEntry: false })?.isFile());
  return path && realpathSync(path);
}

function namedBundle(env: NodeJS.ProcessEnv, name: string): string | undefined {
  const path = env[name];
  if (path === undefined || path === '') return undefined;
  try {
    readFileSync(path);
    return realpathSync(path);
  } catch (cause) {
    throw new StagecraftError('not-found', `${name} names ${path}, which cannot be read.`, { cause });
  }
}
