import { readFileSync } from 'node:fs';

/** One mount that this process sees: proc_pid_mountinfo(5). */
export interface MountInfo {
  readonly target: string;
  /** Options of the mount itself, such as `nosuid`. */
  readonly flags: readonly string[];
  readonly type: string;
  /** Options of the file system. */
  readonly options: readonly string[];
}

/** Everything that is mounted, in the order of mounting. */
export function readMounts(): MountInfo[] {
  // mount id, parent, device, root, target, flags, optional fields, -, type, source, options
  const line = /^\S+ \S+ \S+ \S+ (\S+) (\S+) .*?- (\S+) \S+ (\S+)$/;
  return readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .flatMap(text => {
      const [, target, flags, type, options] = line.exec(text) ?? [];
      if (target === undefined) return [];
      return {
        target: unescapeOctal(target),
        flags: flags!.split(','),
        type: type!,
        options: options!.split(','),
      };
    });
}

/** The mount that a path without symlinks is in. */
export function mountOf(path: string, mounts: readonly MountInfo[]): MountInfo | undefined {
  const holds = ({ target }: MountInfo): boolean =>
    target === '/' || path === target || path.startsWith(`${target}/`);
  return mounts
    .filter(holds)
    .reduce<MountInfo | undefined>(
      (best, each) => (best !== undefined && best.target.length > each.target.length ? best : each),
      undefined,
    );
}

function unescapeOctal(text: string): string {
  return text.replaceAll(/\\([0-7]{3})/g, (_, digits) => String.fromCharCode(Number.parseInt(digits, 8)));
}
