import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import type { ExitStatus, Sandbox } from '../sandbox/types.ts';
import { StagecraftError } from '../util/errors.ts';
import { parseStanzas } from './stanza.ts';
import type { Step } from './steps.ts';

/** Where package files are seen inside, away from every place that a package may own. */
const poolInside = '/run/stagecraft/packages';

export interface ConfigureSpec {
  readonly sandbox: Sandbox;
  /** The root file system, unpacked so far; changes go into it. */
  readonly root: string;
  /** A directory on the same file system, for what a run needs beside. */
  readonly place: string;
  /** A directory with the package files. */
  readonly pool: string;
  /** Names of package files, in groups for one run of dpkg each. */
  readonly groups: readonly (readonly string[])[];
  /** Seconds since the epoch. */
  readonly sourceDateEpoch: number;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Installs packages with dpkg itself, inside, the way debootstrap does: the first group is already unpacked so that
 * dpkg, shell and tools exist, and is installed over itself with its dependencies forced, for nothing is configured
 * yet; the others follow in order.
 * @throws StagecraftError `build` when dpkg or a maintainer script failed
 */
export async function installPackages(spec: ConfigureSpec, step: Step): Promise<void> {
  for (const [number, group] of spec.groups.entries()) {
    const isFirst = number === 0;
    const force = isFirst ? ['--force-depends'] : [];
    const files = group.map(file => `${poolInside}/${file}`);
    await runInside(spec, ['dpkg', '--force-unsafe-io', ...force, '--install', ...files], step, isFirst);
  }
  await runInside(spec, ['dpkg', '--force-unsafe-io', '--configure', '--pending'], step, false);
}

/** Lines of output kept for the message of a failure. */
const tailLines = 12;

/** `isForced` drops the warnings, a hundred of them, that a dependency is not configured yet. */
async function runInside(spec: ConfigureSpec, args: string[], step: Step, isForced: boolean): Promise<void> {
  let tail = '';
  const [below, workDir] = ['below', 'work'].map(name => mkdtempSync(join(spec.place, name))) as [
    string,
    string,
  ];
  const status: ExitStatus = await spec.sandbox.run({
    // An overlay over nothing: unlike a plain directory it can be told to ignore the syncs of dpkg, one a package step.
    layers: [below],
    upper: { dir: spec.root, workDir },
    mounts: [{ type: 'bind', source: spec.pool, target: poolInside, readonly: true }],
    args,
    env: [
      'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
      'HOME=/root',
      'LC_ALL=C.UTF-8',
      'TZ=UTC',
      'DEBIAN_FRONTEND=noninteractive',
      'DEBCONF_NONINTERACTIVE_SEEN=true',
      `SOURCE_DATE_EPOCH=${spec.sourceDateEpoch}`,
    ],
    cwd: '/',
    user: { uid: 0, gid: 0, additionalGids: [] },
    network: 'none',
    hostname: 'localhost',
    extraHosts: [],
    security: 'sandbox',
    stdio(stream, data) {
      if (stream === 1 || !isForced) step.log(data, stream);
      tail = `${tail}${Buffer.from(data).toString('utf8')}`.split('\n').slice(-tailLines).join('\n');
    },
    ...(spec.signal ? { signal: spec.signal } : {}),
  });
  if (status.code === 0) return;
  throw new StagecraftError(
    'build',
    `${args[0]} failed with exit code ${status.code} while configuring the packages:\n${tail.trimEnd()}`,
    { exitCode: status.code },
  );
}

/** Names of packages that the status file (dpkg-query(1)) does not call installed. */
export function unfinishedPackages(status: string, names: readonly string[]): string[] {
  const installed = new Set(
    parseStanzas(status)
      .filter(stanza => stanza.get('status') === 'install ok installed')
      .map(stanza => stanza.get('package')),
  );
  return names.filter(name => !installed.has(name));
}
