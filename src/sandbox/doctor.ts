import { execFile } from 'node:child_process';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { release } from 'node:os';
import { getXattr } from '../syscall/xattrs.ts';
import { hostBundles } from '../transport/authorities.ts';
import { StagecraftError } from '../util/errors.ts';
import type { Check } from './check.ts';
import { findProgram, wantedRung } from './choose.ts';
import { checkPlatforms } from './doctor-platforms.ts';
import { checkOverlay, checkSpace, checkStore } from './doctor-store.ts';
import { blockingSetting, needsNamespace } from './namespace.ts';
import { freeRange, readIds, subordinateIds, userNames } from './subids.ts';
import { cgroupMounts, surroundings } from './surroundings.ts';

/** Looks at what this machine offers for running steps and keeping layers in the store at `storeRoot`. */
export async function examineMachine(storeRoot: string): Promise<Check[]> {
  const checks = await Promise.all([
    checkKernel(),
    checkTools(),
    checkSandbox(),
    checkSeccomp(),
    ...(needsNamespace() ? [checkNamespaces(), checkIds()] : []),
    checkPlatforms(storeRoot),
    checkCgroups(),
    checkStore(storeRoot),
    checkSpace(storeRoot),
    checkOverlay(storeRoot, needsNamespace()),
    checkCertificates(),
  ]);
  return checks;
}

async function checkKernel(): Promise<Check> {
  const [major = 0, minor = 0] = release().split('.').map(Number);
  const found = `Linux ${release()}`;
  const name = 'kernel';
  if (major > 5 || (major === 5 && minor >= 11)) return { name, status: 'ok', found };
  const advice = 'Linux 5.11 or later lets ordinary users mount overlays, and has all that steps use.';
  return { name, status: needsNamespace() ? 'fail' : 'warn', found, advice };
}

/** The programs of util-linux that start every step, and the options of theirs that it needs. */
async function checkTools(): Promise<Check> {
  const name = 'util-linux';
  const needed = [
    ['setpriv', '--pdeathsig'],
    ['unshare', '--kill-child'],
    ['mount', '--fstab'],
  ] as const;
  const helps = await Promise.all(needed.map(([program]) => outputOf(program, ['--help'])));
  const missing = needed.filter(([, option], index) => !helps[index]!.includes(option));
  if (missing.length === 0)
    return { name, status: 'ok', found: firstLine(await outputOf('unshare', ['--version'])) };
  const found = missing.map(([program, option]) => `no ${program} with ${option}`).join(', ');
  return {
    name,
    status: 'fail',
    found,
    advice: 'Install util-linux 2.32 or later; busybox has no such options.',
  };
}

async function checkSandbox(): Promise<Check> {
  const name = 'sandbox';
  try {
    const rung = wantedRung();
    if (rung === 'builtin') {
      const advice = 'Install crun: steps start faster with it.';
      return { name, status: 'ok', found: 'built-in, over unshare of util-linux', advice };
    }
    const path = findProgram(rung);
    if (path === undefined) {
      const advice = `Install ${rung}, or unset STAGECRAFT_SANDBOX.`;
      return { name, status: 'fail', found: `${rung} is asked for, but not installed`, advice };
    }
    return { name, status: 'ok', found: `${firstLine(await outputOf(path, ['--version']))} (${path})` };
  } catch (error) {
    if (error instanceof StagecraftError)
      return { name, status: 'fail', found: sentence(error.message), advice: error.hint ?? '' };
    throw error;
  }
}

async function checkSeccomp(): Promise<Check> {
  const name = 'seccomp';
  if (!existsSync('/proc/sys/kernel/seccomp/actions_avail')) {
    const advice =
      'Steps are not kept from system calls that Docker forbids; use a kernel with CONFIG_SECCOMP_FILTER.';
    return { name, status: 'warn', found: 'the kernel has none', advice };
  }
  if (wantedRungOr('builtin') === 'builtin' && process.arch !== 'x64' && process.arch !== 'arm64') {
    const advice = 'Install crun: the built-in sandbox knows the system calls of amd64 and arm64 only.';
    return { name, status: 'warn', found: `no filter for ${process.arch}`, advice };
  }
  return { name, status: 'ok', found: "filters, with Docker's default profile" };
}

function wantedRungOr(otherwise: string): string {
  try {
    return wantedRung();
  } catch {
    return otherwise;
  }
}

async function checkNamespaces(): Promise<Check> {
  const name = 'user namespaces';
  const setting = blockingSetting();
  if (setting !== undefined) {
    const advice = `As root, run \`${setting.undo}\`; or run stagecraft as root.`;
    return { name, status: 'fail', found: `${setting.path} is ${setting.value}`, advice };
  }
  if (await succeeds('unshare', ['--user', '--map-root-user', '--mount', 'true']))
    return { name, status: 'ok', found: 'allowed' };
  const advice =
    'Run as root, or in a container that allows user namespaces (Docker: --security-opt seccomp=unconfined).';
  return { name, status: 'fail', found: 'not allowed', advice };
}

async function checkIds(): Promise<Check> {
  const name = 'subordinate ids';
  const limits =
    'Without them a base image must be --minimal, files that RUN makes belong to root, and USER has no effect on RUN.';
  const ids = subordinateIds();
  if (ids === undefined) {
    const range = freeRange(readIds('/etc/subuid') + readIds('/etc/subgid'));
    const advice = `${limits} As root, run \`usermod --add-subuids ${range} --add-subgids ${range} ${userNames()[0]}\`.`;
    return { name, status: 'warn', found: 'none in /etc/subuid and /etc/subgid', advice };
  }
  const tool = findProgram('newuidmap');
  if (tool === undefined || findProgram('newgidmap') === undefined) {
    const advice = `${limits} Install the package uidmap (shadow-utils on Fedora).`;
    return { name, status: 'warn', found: 'ids, but no newuidmap to use them', advice };
  }
  if ((statSync(tool).mode & 0o4000) === 0 && !hasCapabilities(tool)) {
    const advice = `${limits} Reinstall the package that ${tool} belongs to.`;
    return { name, status: 'warn', found: `${tool} has no right to write id maps`, advice };
  }
  const total = ids.uids.reduce((sum, { count }) => sum + count, 0);
  return { name, status: 'ok', found: `${total} through ${tool}` };
}

function hasCapabilities(path: string): boolean {
  return getXattr(path, 'security.capability') !== undefined;
}

async function checkCgroups(): Promise<Check> {
  const name = 'control groups';
  const mode = surroundings().cgroups;
  const found = { v2: 'version 2', v1: 'version 1', hybrid: 'versions 1 and 2', none: 'not mounted' }[mode];
  const parents = cgroupMounts().filter(({ limits }) => limits);
  const writable = parents.length > 0 && parents.every(({ target }) => isWritable(target));
  return { name, status: 'ok', found: writable ? found : `${found}; --cgroup-parent cannot be used` };
}

function isWritable(path: string): boolean {
  return (
    process.geteuid!() === 0 ||
    (statSync(path).uid === process.geteuid!() && (statSync(path).mode & 0o200) !== 0)
  );
}

async function checkCertificates(): Promise<Check> {
  const name = 'certificates';
  try {
    const bundles = hostBundles(process.env).filter(path => readFileSync(path).length > 0);
    if (bundles.length > 0) return { name, status: 'ok', found: bundles.join(', ') };
    const advice = 'Install ca-certificates: registries cannot be reached by HTTPS without.';
    return { name, status: 'warn', found: 'no bundle of authorities', advice };
  } catch (error) {
    if (error instanceof StagecraftError)
      return {
        name,
        status: 'warn',
        found: sentence(error.message),
        advice: 'Correct the variable, or unset it.',
      };
    throw error;
  }
}

/** What a program prints; empty if it cannot be run. */
function outputOf(program: string, args: readonly string[]): Promise<string> {
  return new Promise(resolve => {
    execFile(program, args, { env: { ...process.env, LC_ALL: 'C' } }, (_, stdout, stderr) =>
      resolve(stdout || stderr),
    );
  });
}

function succeeds(program: string, args: readonly string[]): Promise<boolean> {
  return new Promise(resolve => {
    execFile(program, args, error => resolve(error === null));
  });
}

function firstLine(text: string): string {
  return text.split('\n', 1)[0]!.trim();
}

/** A message as a finding. */
function sentence(message: string): string {
  return message.replace(/\.$/, '');
}
