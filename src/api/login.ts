import {
  type Forgotten,
  forgetPassword,
  type Keeper,
  keepPassword,
  registryNamed,
} from '../registry/login.ts';
import { Registries } from '../registry/registries.ts';

export interface LoginOptions {
  /** The registry may be spoken to without TLS, or with a certificate that nobody vouches for. */
  readonly insecure?: boolean | undefined;
  readonly signal: AbortSignal;
}

/**
 * Keeps a password for a registry, if the registry accepts it.
 * @param name host and port, or an address; `docker.io` for Docker Hub; a namespace of a registry has a password of its own
 * @throws StagecraftError `usage` where that is no registry; `io`
 */
export async function login(
  name: string,
  username: string,
  password: string,
  { insecure, signal }: LoginOptions,
): Promise<Keeper & { readonly registry: string }> {
  const { env } = process;
  const registry = registryNamed(name);
  const findCredential = async () => ({ type: 'password', username, password }) as const;
  const registries = new Registries({ env, signal, findCredential, insecure });
  try {
    await registries.greet(registry);
  } finally {
    registries.close();
  }
  return { registry, ...(await keepPassword(registry, username, password, env)) };
}

/** Forgets the password of a registry. @throws StagecraftError as {@link login} */
export async function logout(name: string): Promise<Forgotten & { readonly registry: string }> {
  const registry = registryNamed(name);
  return { registry, ...(await forgetPassword(registry, process.env)) };
}
