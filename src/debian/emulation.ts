import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { StagecraftError } from '../util/errors.ts';
import { type Architecture, hostArchitecture } from './architecture.ts';

/** Names of QEMU's emulators where they differ from those of image platforms. */
const emulators: Record<string, string> = { arm64: 'aarch64', amd64: 'x86_64', '386': 'i386' };

const registrations = '/proc/sys/fs/binfmt_misc';

/** Architectures whose programs a processor of another one runs itself. */
const native: Record<string, readonly string[]> = { amd64: ['i386'], arm64: ['armhf', 'armel'] };

/**
 * Makes sure that programs of the architecture can run here, for the maintainer scripts of a full image.
 * @throws StagecraftError `unsupported` when neither the processor nor an emulator runs them
 */
export function requireRunnable(architecture: Architecture): void {
  const host = hostArchitecture();
  const { name, platform } = architecture;
  if (name === host || native[host]?.includes(name)) return;
  const emulator = `qemu-${emulators[platform.architecture] ?? platform.architecture}`;
  if (
    existsSync(registrations) &&
    readdirSync(registrations).some(entry => entry === emulator && isEnabled(entry))
  )
    return;
  throw new StagecraftError('unsupported', `This machine (${host}) cannot run programs of ${name}.`, {
    hint: `Register the emulator ${emulator} (Debian: qemu-user-static), or use --minimal, which runs none.`,
  });
}

function isEnabled(entry: string): boolean {
  return readFileSync(join(registrations, entry), 'utf8').startsWith('enabled');
}
