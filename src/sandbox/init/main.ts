/**
 * The built-in runtime: process 1 of a sandbox, started by `unshare` in fresh namespaces. Does what an OCI runtime
 * does with its configuration, then becomes the sandboxed program.
 * Arguments: the path of the configuration, that of a file for errors, and the directory that hooks are told of.
 */
import { closeSync, constants, openSync, readFileSync, readlinkSync, writeSync } from 'node:fs';
import { detachMount, mount, mountFlag, pivotRoot } from '../../syscall/mount.ts';
import { becomeProgram, raiseLoopback, setHostname, takeTerminal } from '../../syscall/process.ts';
import { bytesFromText } from '../../util/bytes.ts';
import type { RuntimeConfig } from '../oci.ts';
import { runHooks } from './hooks.ts';
import { assumeIdentity } from './identity.ts';
import { cover, fillDev, makeMount } from './mounts.ts';
import { locateProgram } from './program.ts';
import { NewRoot } from './target.ts';

const [configPath, logPath, bundle] = process.argv.slice(2) as [string, string, string];
const log = openSync(logPath, constants.O_WRONLY | constants.O_APPEND);
try {
  const config = JSON.parse(readFileSync(configPath, 'utf8')) as RuntimeConfig;
  setHostname(config.hostname);
  if (config.linux.namespaces.some(({ type }) => type === 'network')) raiseLoopback();
  if (config.process.terminal) takeTerminal();
  enterRoot(config);
  runHooks(config, bundle, 'startContainer');
  assumeIdentity(config);
  const { args, env, cwd } = config.process;
  process.chdir(cwd);
  becomeProgram(locateProgram(args[0]!, env, cwd), args, env);
} catch (error) {
  writeSync(log, `${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 125;
}

/** Mounts everything on the root file system, and leaves no way back out of it. */
function enterRoot(config: RuntimeConfig): void {
  const { path, readonly } = config.root;
  mount(bytesFromText(path), bytesFromText(path), '', mountFlag.bind | mountFlag.rec);
  const fd = openSync(path, constants.O_RDONLY | constants.O_DIRECTORY);
  const root = new NewRoot(fd);
  for (const each of config.mounts) {
    makeMount(root, each);
    if (each.destination === '/dev')
      fillDev(root, config.process.terminal ? readlinkSync('/proc/self/fd/0') : undefined);
  }
  runHooks(config, bundle, 'prestart', 'createRuntime', 'createContainer');
  cover(root, config.linux);
  root.ensure(config.process.cwd, 'directory', () => {});
  process.chdir(path);
  pivotRoot('.', '.');
  // The old root now lies on the new one; without it, nothing of the machine can be reached.
  detachMount('.');
  process.chdir('/');
  if (readonly) mount('', '/', '', mountFlag.remount | mountFlag.bind | mountFlag.ro);
  closeSync(fd);
}
