import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Measured, measure } from './process.ts';

/** A program that takes images from registries and sends them there, with a store of its own. What it lacks is absent. */
export interface Client {
  readonly name: string;
  /** Empties the store. */
  reset(): void;
  /** Downloads an image and unpacks its layers. */
  unpack?(reference: string): Promise<Measured>;
  /** Downloads an image as it is. */
  download?(reference: string): Promise<Measured>;
  /** Sends a layer that is in the store as files, or as a tar archive. */
  pushFiles?: { prepare(): Promise<unknown>; push(reference: string): Promise<Measured> };
  /** Sends a layer that is in the store compressed. */
  pushPacked?: { prepare(): Promise<unknown>; push(reference: string): Promise<Measured> };
}

/** The image to push: its files, and OCI layouts of it. */
export interface Large {
  readonly files: string;
  readonly plain: string;
  readonly packed: string;
}

const stagecraftBin = join(dirname(fileURLToPath(import.meta.url)), '../bin/stagecraft');

export function stagecraft(scratch: string, large: Large): Client {
  const store = join(scratch, 'stagecraft');
  const env = { STAGECRAFT_ROOT: store };
  const run = (...args: string[]) => measure(stagecraftBin, args, env);
  const from = join(scratch, 'from');
  mkdirSync(from, { recursive: true });
  writeFileSync(join(large.files, '../Dockerfile'), 'FROM scratch\nCOPY . /\n');
  const build = (...args: string[]) =>
    run('build', '-q', '-f', join(large.files, '../Dockerfile'), ...args, large.files);
  return {
    name: 'Stagecraft',
    reset: () => rmSync(store, { recursive: true, force: true }),
    // Nothing is unpacked before a step runs on it, so one does.
    unpack(reference) {
      writeFileSync(join(from, 'Dockerfile'), `FROM ${reference}\nRUN ["/bin/busybox", "true"]\n`);
      return run('build', '-q', '-o', 'type=cacheonly', from);
    },
    download: reference => run('pull', '-q', reference),
    pushFiles: {
      prepare: () => build('-o', 'type=cacheonly'),
      push: reference => build('-t', reference, '--push'),
    },
    pushPacked: {
      prepare: () => build('-t', `large`),
      push: async reference => {
        execFileSync(stagecraftBin, ['tag', 'large', reference], { env: { ...process.env, ...env } });
        return run('push', '-q', reference);
      },
    },
  };
}

/** Buildah with a store of its own, as root; nothing where it is not installed. */
export function buildah(scratch: string, large: Large): Client | undefined {
  if (!isInstalled('buildah')) return undefined;
  const home = join(scratch, 'buildah');
  const policy = policyFile(scratch);
  const store = ['--root', join(home, 'root'), '--runroot', join(home, 'run'), '--storage-driver', 'overlay'];
  const run = (command: string, ...args: string[]) =>
    measure('buildah', [
      ...store,
      command,
      '-q',
      '--signature-policy',
      policy,
      '--tls-verify=false',
      ...args,
    ]);
  return {
    name: 'Buildah',
    reset: () => removeStorage(home),
    unpack: reference => run('pull', reference),
    pushFiles: {
      // Its own pull takes no directory with capital letters.
      prepare: async () =>
        void execFileSync('skopeo', [
          ...['--policy', policy, 'copy', '-q', `oci:${large.plain}:latest`],
          `containers-storage:[overlay@${home}/root+${home}/run]localhost/large`,
        ]),
      push: reference => run('push', 'localhost/large', `docker://${reference}`),
    },
  };
}

/** skopeo, which has a store of Buildah's kind where one is wanted; nothing where it is not installed. */
export function skopeo(scratch: string, large: Large): Client | undefined {
  if (!isInstalled('skopeo')) return undefined;
  const home = join(scratch, 'skopeo');
  const copy = (...args: string[]) =>
    measure('skopeo', ['--policy', policyFile(scratch), 'copy', '-q', ...args]);
  const insecure = ['--src-tls-verify=false', '--dest-tls-verify=false'];
  return {
    name: 'skopeo',
    reset: () => removeStorage(home),
    unpack: reference =>
      copy(
        ...insecure,
        `docker://${reference}`,
        `containers-storage:[overlay@${home}/root+${home}/run]${reference}`,
      ),
    download(reference) {
      mkdirSync(home);
      return copy(...insecure, `docker://${reference}`, `oci:${home}/layout:latest`);
    },
    pushFiles: {
      prepare: async () => {},
      push: reference => copy(...insecure, `oci:${large.plain}:latest`, `docker://${reference}`),
    },
    pushPacked: {
      prepare: async () => {},
      push: reference => copy(...insecure, `oci:${large.packed}:latest`, `docker://${reference}`),
    },
  };
}

function policyFile(scratch: string): string {
  const file = join(scratch, 'policy.json');
  writeFileSync(file, '{"default":[{"type":"insecureAcceptAnything"}]}');
  return file;
}

/** Removes a store of Buildah's kind, which lies on a mount of itself. */
function removeStorage(home: string): void {
  try {
    execFileSync('umount', [join(home, 'root/overlay')], { stdio: 'ignore' });
  } catch {
    // It was not there.
  }
  rmSync(home, { recursive: true, force: true });
}

function isInstalled(program: string): boolean {
  try {
    execFileSync(program, ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
