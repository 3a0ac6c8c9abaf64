import { hostBundles, joinBundles } from '../transport/authorities.ts';
import { StagecraftError } from '../util/errors.ts';
import type { SandboxMount } from './types.ts';

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

/** Several bundles as one, in memory. */
function joined(sources: readonly string[]): SandboxMount {
  const data = joinBundles(sources);
  return { type: 'secret', target: place, data, uid: 0, gid: 0, mode: 0o444 };
}
