import type { Command, Flags } from './command.ts';

interface Entry {
  readonly summary: string;
  /** Loads the command's module, and with it only what that command needs. */
  readonly load: () => Promise<Command<Flags>>;
}

/** A command's flags only matter to itself: from outside, all commands look alike. */
function entry<F extends Flags>(summary: string, load: () => Promise<{ command: Command<F> }>): Entry {
  return { summary, load: async () => (await load()).command as unknown as Command<Flags> };
}

/** All commands by name, in the order of `stagecraft --help`. */
export const commands: Readonly<Record<string, Entry>> = {
  build: entry('Build an image from a Dockerfile', () => import('./commands/build.ts')),
  check: entry('Check Dockerfiles for mistakes, and mend them', () => import('./commands/check.ts')),
  base: entry(
    "Assemble a base image from Debian's packages, without a registry",
    () => import('./commands/base.ts'),
  ),
  run: entry('Run a command in a container made from an image', () => import('./commands/run.ts')),
  images: entry('List images', () => import('./commands/images.ts')),
  history: entry('Show the steps that made an image', () => import('./commands/history.ts')),
  inspect: entry('Show all that is known of images, as JSON', () => import('./commands/inspect.ts')),
  sbom: entry(
    'Print the bill of materials of an image: the packages in it',
    () => import('./commands/sbom.ts'),
  ),
  scan: entry(
    'Look up the packages of an image in a copy of the OSV database of vulnerabilities',
    () => import('./commands/scan.ts'),
  ),
  load: entry('Take images from an archive', () => import('./commands/load.ts')),
  save: entry('Write images into an archive', () => import('./commands/save.ts')),
  pull: entry('Take an image from its registry into the store', () => import('./commands/pull.ts')),
  push: entry(
    'Send an image of the store to the registry that its name says',
    () => import('./commands/push.ts'),
  ),
  copy: entry('Copy an image from one registry to another', () => import('./commands/copy.ts')),
  login: entry('Keep a password for a registry', () => import('./commands/login.ts')),
  logout: entry('Forget the password of a registry', () => import('./commands/logout.ts')),
  tag: entry('Give an image one more name', () => import('./commands/tag.ts')),
  rmi: entry('Remove images', () => import('./commands/rmi.ts')),
  du: entry('Show what takes room on the disk', () => import('./commands/du.ts')),
  prune: entry('Remove what no image needs', () => import('./commands/prune.ts')),
  doctor: entry(
    'Look at what this machine allows, and what to do about it',
    () => import('./commands/doctor.ts'),
  ),
  completion: entry(
    'Print a script that completes commands in a shell',
    () => import('./commands/completion.ts'),
  ),
  version: entry('Show the version', () => import('./commands/version.ts')),
};
