import { readFileSync, realpathSync, statSync } from 'node:fs';
import { StagecraftError } from '../util/errors.ts';
import type { SandboxMount } from './types.ts';

/** Where the distributions keep the bundle of certificate authorities that the machine trusts. */
const wellKnown = [
  '/etc/ssl/certs/ca-certificates.crt', // Debian, Ubuntu, Alpine, Arch
  '/etc/pki/tls/certs/ca-bundle.crt', // Fedora, RHEL
  '/etc/ssl/ca-bundle.pem', // openSUSE
  '/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem', // CentOS
  '/etc/ssl/cert.pem', // Alpine, OpenBSD's layout
];

/** Where the bundle lies in the sandbox: a place that no image uses. */
const place = '/run/stagecraft/ca-certificates.crt';

/** Variables by which programs are told of a bundle of authorities. */
const variables = [
  'AWS_CA_BUNDLE', // AWS tools
  'CARGO_HTTP_CAINFO', // Cargo
  'CURL_CA_BUNDLE', // curl
  'DENO_CERT', // Deno
  'GIT_SSL_CAINFO', // git
  'NIX_SSL_CERT_FILE', // Nix
  'NODE_EXTRA_CA_CERTS', // Node.js, npm
  'PIP_CERT', // pip
  'REQUESTS_CA_BUNDLE', // Python's requests
  'SSL_CERT_FILE', // OpenSSL, Go, Ruby, uv
];

/** What makes one process trust what this machine trusts. */
export interface HostTrust {
  readonly mounts: SandboxMount[];
  /** `NAME=value`. */
  readonly env: string[];
}

/**
 * The host's bundle as a read-only mount, and the variables that make the usual tools use it. For one process: it is
 * no part of an image, its configuration or a cache key.
 * @throws StagecraftError `not-found` if there is no bundle, or the one named in the environment cannot be read
 */
export function hostTrust(env: NodeJS.ProcessEnv): HostTrust {
  const sources = hostBundles(env);
  const [source] = sources;
  if (source === undefined)
    throw new StagecraftError(
      'not-found',
      'This machine has no bundle of certificate authorities to trust.',
      {
        hint: 'Install the package ca-certificates, or name a bundle in NODE_EXTRA_CA_CERTS or SSL_CERT_FILE.',
      },
    );
  return {
    mounts: [
      sources.length === 1 ? { type: 'bind', source, target: place, readonly: true } : joined(sources),
    ],
    env: variables.map(name => `${name}=${place}`),
  };
}

/**
 * The bundles that together are what the host trusts: that of `SSL_CERT_FILE`, which stands for all, else the
 * machine's, and what `NODE_EXTRA_CA_CERTS` adds. None on a machine that has none.
 */
export function hostBundles(env: NodeJS.ProcessEnv): string[] {
  const whole = namedBundle(env, 'SSL_CERT_FILE') ?? machineBundle();
  const extra = namedBundle(env, 'NODE_EXTRA_CA_CERTS');
  return [...new Set([whole, extra].filter(path => path !== undefined))];
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

/** Several bundles as one, in memory. */
function joined(sources: readonly string[]): SandboxMount {
  const data = Buffer.concat(sources.flatMap(path => [readFileSync(path), Buffer.from('\n')]));
  return { type: 'secret', target: place, data, uid: 0, gid: 0, mode: 0o444 };
}
