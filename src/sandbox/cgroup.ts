import { mkdirSync, readdirSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { StagecraftError } from '../util/errors.ts';
import { isLeftover, ownName } from './leftovers.ts';
import { shellCommand } from './shell.ts';
import { cgroupMounts } from './surroundings.ts';

const prefix = 'stagecraft';

/** A control group for one step below one that the user names (`--cgroup-parent`), in every hierarchy. */
export class StepCgroup {
  readonly #dirs: string[];

  /** @throws StagecraftError `unsupported` if this process may make no control groups there */
  constructor(parent: string) {
    const name = ownName(prefix);
    const hierarchies = cgroupMounts().filter(({ limits }) => limits);
    if (hierarchies.length === 0)
      throw new StagecraftError('unsupported', `There are no control groups here for the parent ${parent}.`);
    this.#dirs = hierarchies.map(({ target }) => {
      const above = join(target, join('/', parent));
      try {
        mkdirSync(above, { recursive: true });
        for (const each of readdirSync(above)) if (isLeftover(each, prefix)) removeGroup(join(above, each));
        mkdirSync(join(above, name));
      } catch (cause) {
        throw new StagecraftError(
          'unsupported',
          `No control group can be made in ${above}: ${String(cause)}.`,
          {
            hint: 'Leave --cgroup-parent away, or run as a user to whom that group is delegated.',
            cause,
          },
        );
      }
      return join(above, name);
    });
  }

  /** Shell commands that put the shell itself into the group. */
  get enter(): string[] {
    return this.#dirs.map(dir => `echo 0 >${shellCommand([join(dir, 'cgroup.procs')])}`);
  }

  /** Removes the group; everything in it has ended. */
  remove(): void {
    for (const dir of this.#dirs) removeGroup(dir);
  }
}

function removeGroup(dir: string): void {
  try {
    rmdirSync(dir);
  } catch {
    // Another process is cleaning up too, or something in it still lives: the next step tries again.
  }
}
