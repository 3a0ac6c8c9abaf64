import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { StagecraftError } from '../util/errors.ts';
import { openCrun } from './crun.ts';
import { RuntimeSandbox } from './runtime.ts';
import type { Sandbox } from './types.ts';

/** The ladder, best first. */
export const rungNames = ['crun', 'runc', 'builtin'] as const;
export type RungName = (typeof rungNames)[number];

let chosen: Promise<Sandbox> | undefined;

/**
 * The best rung that this machine has; `STAGECRAFT_SANDBOX` names another one. The choice is made once.
 * @throws StagecraftError `usage` for an unknown name, `unsupported` for a rung that is not installed
 */
export function chooseSandbox(): Promise<Sandbox> {
  chosen ??= openRung(wantedRung());
  return chosen;
}

/** The rung that {@link chooseSandbox} takes. */
export function wantedRung(): RungName {
  const wanted = process.env.STAGECRAFT_SANDBOX;
  if (wanted === undefined || wanted === '')
    return rungNames.find(name => name === 'builtin' || findProgram(name) !== undefined)!;
  const known = rungNames.find(name => name === wanted);
  if (known !== undefined) return known;
  throw new StagecraftError('usage', `STAGECRAFT_SANDBOX=${wanted} names no sandbox.`, {
    hint: `It can be ${rungNames.join(', ')}.`,
  });
}

/** One rung by its name. */
export async function openRung(name: RungName): Promise<Sandbox> {
  if (name === 'builtin') {
    const { builtinRung } = await import('./builtin.ts');
    return new RuntimeSandbox(builtinRung());
  }
  const path = findProgram(name);
  if (path === undefined)
    throw new StagecraftError('unsupported', `${name} is not installed, but STAGECRAFT_SANDBOX asks for it.`);
  if (name === 'crun') return new RuntimeSandbox(openCrun(path));
  return new RuntimeSandbox((await import('./runc.ts')).runcRung(path));
}

/** The path of an executable of the machine, also where PATH lacks the system's directories. */
export function findProgram(name: string): string | undefined {
  const path = [
    ...(process.env.PATH ?? '').split(delimiter),
    '/usr/local/sbin',
    '/usr/sbin',
    '/sbin',
    '/usr/bin',
  ];
  return path
    .filter(directory => directory.startsWith('/'))
    .map(directory => join(directory, name))
    .find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
