import { rmSync } from 'node:fs';
import { formatPlatform, normalizePlatform } from '../image/platform.ts';
import type { Check } from './check.ts';
import { scratchIn } from './doctor-store.ts';
import { knownArchitectures } from './elf.ts';
import { handlersFor, runnableArchitectures } from './emulation.ts';

/** For which platforms steps can be run: natively, or by an emulator that is registered with the kernel. */
export async function checkPlatforms(storeRoot: string): Promise<Check> {
  const name = 'platforms';
  const scratch = scratchIn(storeRoot);
  if (scratch === undefined)
    return { name, status: 'ok', found: 'only those of this processor were looked at' };
  try {
    const architectures = await runnableArchitectures(scratch);
    const found = architectures.map(each => nameOf(each)).join(', ');
    const broken = knownArchitectures.find(
      each => !architectures.includes(each) && handlersFor(each).length > 0,
    );
    if (broken === undefined) return { name, status: 'ok', found };
    const [handler] = handlersFor(broken);
    const advice = `Emulation of ${nameOf(broken)} by ${handler!.name} does not work inside of containers: register it enabled, and with the flag F.`;
    return { name, status: 'warn', found, advice };
  } finally {
    rmSync(scratch, { recursive: true });
  }
}

function nameOf(architecture: string): string {
  return formatPlatform(normalizePlatform({ os: 'linux', architecture }));
}
