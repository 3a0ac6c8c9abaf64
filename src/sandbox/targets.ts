import { posix } from 'node:path';
import type { FileTree } from '../snapshot/types.ts';
import { bytesFromText, textFromBytes } from '../util/bytes.ts';
import { StagecraftError } from '../util/errors.ts';

/** Where every process has file systems of its own. */
const system = ['/dev', '/proc', '/sys'];

/**
 * Where the mounts of a step go: symlinks of its root file system followed beneath it, also those that lead to nothing
 * yet. Runtimes do that too, but each in its own way.
 */
export class MountTargets {
  readonly #view: FileTree;
  /** Places of mounts by the paths that they were asked for at. */
  readonly #placed = new Map(system.map(path => [path, path]));

  constructor(view: FileTree) {
    this.#view = view;
  }

  /**
   * The place for a target. What lies in an earlier mount is left to the runtime: the root does not know it.
   * @param kind what is to be mounted, where that is known
   * @throws StagecraftError `usage` for a directory on a file, or the other way round
   */
  place(target: string, kind?: 'directory' | 'file'): string {
    const path = posix.resolve('/', target);
    const resolved = this.#within(path) ?? this.#resolve(path, kind);
    this.#placed.set(path, resolved).set(resolved, resolved);
    return resolved;
  }

  #resolve(path: string, kind: 'directory' | 'file' | undefined): string {
    const resolved = this.#view.resolve(bytesFromText(path));
    const type = this.#view.lstat(resolved)?.type;
    if (kind !== undefined && type !== undefined && (type === 'directory') !== (kind === 'directory')) {
      const [what, other] = kind === 'file' ? ['file', 'directory'] : ['directory', 'file'];
      throw new StagecraftError('usage', `A ${what} cannot be mounted at ${path}, which is a ${other}.`, {
        hint: `Name another target, or a ${other} as source.`,
      });
    }
    return textFromBytes(resolved);
  }

  #within(path: string): string | undefined {
    for (let above = posix.dirname(path); above !== '/'; above = posix.dirname(above)) {
      const place = this.#placed.get(above);
      if (place !== undefined) return place + path.slice(above.length);
    }
    return undefined;
  }
}
