import { execFile } from 'node:child_process';
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { hostPlatform } from '../image/platform.ts';
import type { FileTree } from '../snapshot/types.ts';
import { isErrno, StagecraftError } from '../util/errors.ts';
import { knownArchitectures, smallestProgram } from './elf.ts';
import { type Command, findProgram, mayFind } from './program.ts';

/** Where the kernel tells what it starts foreign programs with (binfmt_misc); often not to be seen in containers. */
const registrations = '/proc/sys/fs/binfmt_misc';

/** What the kernel starts certain programs with. */
export interface Handler {
  readonly name: string;
  readonly enabled: boolean;
  readonly interpreter: string;
  /** Flag F: the interpreter was opened when it was registered, so it is found inside of containers too. */
  readonly fixed: boolean;
}

/**
 * Whether programs of an architecture run here, in a root file system that has nothing but them. It is tried with the
 * smallest of programs: neither the processor's name nor the list of handlers tells for certain, the less in a
 * container. Once for each architecture in a process.
 * @param directory where programs may be written and executed: in the store
 */
export function runsHere(architecture: string, directory: string): Promise<boolean> {
  let tried = attempts.get(architecture);
  if (tried === undefined) {
    tried = tryProgram(architecture, directory);
    attempts.set(architecture, tried);
  }
  return tried;
}

const attempts = new Map<string, Promise<boolean>>();

/** The architectures whose programs run here, this machine's own first. */
export async function runnableArchitectures(directory: string): Promise<string[]> {
  const own = hostPlatform().architecture;
  const others = knownArchitectures.filter(name => name !== own);
  const runs = await Promise.all(others.map(name => runsHere(name, directory)));
  return [own, ...others.filter((_, i) => runs[i])];
}

/**
 * Makes sure that the program behind a command can run here.
 * @param directory as for {@link runsHere}
 * @throws StagecraftError `unsupported` naming the program, and saying how to register an emulator for it
 */
export async function requireRunnable(tree: FileTree, command: Command, directory: string): Promise<void> {
  const program = findProgram(tree, command);
  if (program === undefined || (await runsHere(program.architecture, directory))) return;
  const { path, architecture } = program;
  // A handler that is not fixed finds its interpreter where the image or a mount brings it along.
  const brought = handlersFor(architecture).some(
    ({ enabled, interpreter }) => enabled && mayFind(tree, interpreter, command),
  );
  if (!brought) throw cannotRun(`The program ${path}`, architecture);
}

/** The error for a program that does not run here. @param subject begins its sentence, such as `The program /bin/sh` */
export function cannotRun(subject: string, architecture: string): StagecraftError {
  const own = hostPlatform().architecture;
  const message = `${subject} is for linux/${architecture}, and this machine (linux/${own}) cannot run it`;
  const unfit = handlersFor(architecture)[0];
  const install =
    'On Debian and Ubuntu `apt install qemu-user-static` registers QEMU; where Docker runs, ' +
    `\`docker run --privileged --rm tonistiigi/binfmt --install ${architecture}\` does.`;
  const compile = 'A stage that cross-compiles needs no emulator: FROM --platform=$BUILDPLATFORM.';
  if (unfit === undefined)
    return new StagecraftError('unsupported', `${message}: no emulator is registered for it.`, {
      hint: `${install}\n${compile}`,
    });
  if (!unfit.enabled)
    return new StagecraftError('unsupported', `${message}: its handler ${unfit.name} is switched off.`, {
      hint: `As root, run \`echo 1 > ${registrations}/${unfit.name}\`.`,
    });
  const reason = unfit.fixed
    ? `its handler ${unfit.name} (${unfit.interpreter}) does not work`
    : `its handler ${unfit.name} lacks the flag F, so ${unfit.interpreter} is not found inside of containers`;
  return new StagecraftError('unsupported', `${message}: ${reason}.`, {
    hint: `As root, run \`echo -1 > ${registrations}/${unfit.name}\` and register it anew. ${install}\n${compile}`,
  });
}

/** The handlers for programs of an architecture that can be seen here. */
export function handlersFor(architecture: string): Handler[] {
  const program = smallestProgram(architecture);
  if (program === undefined) return [];
  return listRegistrations().flatMap(({ text, ...handler }) => (fits(text, program) ? [handler] : []));
}

function listRegistrations(): (Handler & { text: string })[] {
  try {
    return readdirSync(registrations)
      .filter(name => name !== 'register' && name !== 'status')
      .map(name => {
        const text = readFileSync(join(registrations, name), 'utf8');
        return {
          name,
          text,
          enabled: text.startsWith('enabled'),
          interpreter: fieldOf(text, 'interpreter'),
          fixed: fieldOf(text, 'flags:').includes('F'),
        };
      });
  } catch (error) {
    if (isErrno(error, 'ENOENT', 'EACCES', 'EPERM', 'ENOTDIR')) return [];
    throw error;
  }
}

/** As the kernel compares: the bytes at the offset, where the mask has ones. */
function fits(text: string, program: Uint8Array): boolean {
  const magic = Buffer.from(fieldOf(text, 'magic'), 'hex');
  const mask = Buffer.from(fieldOf(text, 'mask'), 'hex');
  const offset = Number(fieldOf(text, 'offset'));
  return (
    magic.length > 0 &&
    magic.every((byte, i) => ((byte ^ (program[offset + i] ?? ~byte)) & (mask[i] ?? 0xff)) === 0)
  );
}

function fieldOf(text: string, name: string): string {
  const line = text.split('\n').find(each => each.startsWith(`${name} `));
  return line === undefined ? '' : line.slice(name.length + 1).trim();
}

async function tryProgram(architecture: string, directory: string): Promise<boolean> {
  if (architecture === hostPlatform().architecture) return true;
  const program = smallestProgram(architecture);
  // Nothing is known of it, so the step itself shall show.
  if (program === undefined) return true;
  const root = mkdtempSync(join(directory, 'program-'));
  try {
    writeFileSync(join(root, 'program'), program);
    chmodSync(join(root, 'program'), 0o755);
    const asRoot = process.getuid?.() === 0 ? [] : ['unshare', '--user', '--map-root-user'];
    const [command = '', ...args] = [...asRoot, 'chroot', root, '/program'];
    return await succeeds(command, args);
  } finally {
    rmSync(root, { recursive: true });
  }
}

/** chroot's own failures, and where it cannot be started: they tell nothing of the program. */
const untold: readonly unknown[] = [125, 'ENOENT', 'EACCES', 'EPERM'];

function succeeds(command: string, args: readonly string[]): Promise<boolean> {
  return new Promise(resolve => {
    execFile(command, args, error => resolve(error === null || untold.includes(error.code)));
  });
}
