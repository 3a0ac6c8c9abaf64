import type { Registries } from '../registry/registries.ts';

/** The registries of one piece of work: loaded when somebody asks for them, closed with it. */
export interface RegistryAccess {
  open(): Promise<Registries>;
  close(): Promise<void>;
}

export function registryAccess(
  env: NodeJS.ProcessEnv,
  signal: AbortSignal,
  insecure?: boolean,
): RegistryAccess {
  let opened: Promise<Registries> | undefined;
  return {
    open() {
      opened ??= import('../registry/registries.ts').then(
        ({ Registries }) => new Registries({ env, signal, insecure }),
      );
      return opened;
    },
    async close() {
      (await opened)?.close();
    },
  };
}
