import { forgetPassword, type Keeper, keepPassword } from '../registry/login.ts';
import { Registries } from '../registry/registries.ts';

/**
 * Keeps a password for a registry, if the registry accepts it.
 * @param registry host and port; `docker.io` for Docker Hub
 * @throws StagecraftError `io`
 */
export async function login(
  registry: string,
  username: string,
  password: string,
  signal: AbortSignal,
): Promise<Keeper> {
  const { env } = process;
  const findCredential = async () => ({ type: 'password', username, password }) as const;
  const registries = new Registries({ env, signal, findCredential });
  try {
    await registries.greet(registry);
  } finally {
    registries.close();
  }
  return keepPassword(registry, username, password, env);
}

/** Forgets the password of a registry; false where none was kept. @throws StagecraftError `io` */
export function logout(registry: string): boolean {
  return forgetPassword(registry, process.env);
}
