import { StagecraftError } from '../util/errors.ts';

/** An overlay mount: layer directories base first, and where changes go. */
export interface Overlay {
  readonly layers: readonly string[];
  readonly upper?: { readonly dir: string; readonly workDir: string } | undefined;
}

/** One line of an fstab(5). */
export interface MountLine {
  readonly source: string;
  readonly target: string;
  readonly type: string;
  readonly options: readonly string[];
}

/** mount(2) takes one page of options; some of it is for other options than `lowerdir`. */
const optionBytes = 4096 - 1;
/** The kernel's limit of lower layers in one overlay (OVL_MAX_STACK). */
const maxLower = 500;

/**
 * The mounts that make an overlay at `target`, in order. Paths that lie below `base`, the directory in which mount(8)
 * will run, are written relative to it, so that hundreds of layers fit into one page of options; of still longer
 * chains the lower part becomes an overlay of its own. `spare` names a place for such helpers: a directory that does
 * not exist yet.
 * @param xattrs which extended attributes mark whiteouts: `trusted.overlay.*` needs real root
 * @throws StagecraftError `unsupported` for a chain beyond what the kernel can stack
 */
export function overlayLines(
  overlay: Overlay,
  target: string,
  { base, spare, xattrs }: { base: string; spare: string; xattrs: 'trusted' | 'user' },
): MountLine[] {
  const { upper } = overlay;
  const layers = topmost(overlay.layers);
  if (layers.length === 0 && upper !== undefined) return [bindLine(upper.dir, target)];
  const lines: MountLine[] = [];
  const common = ['index=off', 'redirect_dir=nofollow', 'metacopy=off', 'xino=off'];
  if (xattrs === 'user') common.push('userxattr');
  const changes =
    upper === undefined
      ? []
      : [`upperdir=${option(upper.dir, base)}`, `workdir=${option(upper.workDir, base)}`, 'volatile'];
  let lower = layers.map(dir => lowerOption(dir, base));
  // Without an upper directory the kernel wants two lower ones.
  if (upper === undefined && lower.length < 2) {
    lines.push({
      source: 'stagecraft',
      target: `${spare}-empty`,
      type: 'tmpfs',
      options: ['ro', 'X-mount.mkdir'],
    });
    lower = [lowerOption(`${spare}-empty`, base), ...lower];
  }
  const room = optionBytes - [...common, ...changes, 'lowerdir='].join(',').length - 1;
  const groups = split(lower, room);
  if (groups.length > 1) {
    if (groups.length + groups.at(-1)!.length > maxLower)
      throw new StagecraftError(
        'unsupported',
        `A root file system of ${layers.length} layers is too deep to mount.`,
        {
          hint: 'Flatten it: merge some of its RUN and COPY instructions.',
        },
      );
    const helpers = groups.slice(0, -1).map((group, index) => {
      const place = `${spare}-${index}`;
      lines.push(overlayLine(place, group, ['X-mount.mkdir', 'ro', ...common]));
      return lowerOption(place, base);
    });
    lower = [...helpers, ...groups.at(-1)!];
  }
  lines.push(overlayLine(target, lower, ['X-mount.mkdir', ...common, ...changes]));
  return lines;
}

/**
 * The kernel refuses a directory that is there twice, as in an image with two equal layers. Only the topmost counts:
 * whatever a lower one shows or hides, that one does too.
 */
function topmost(layers: readonly string[]): readonly string[] {
  return layers.filter((layer, index) => layers.lastIndexOf(layer) === index);
}

/** A bind mount, recursive or not. */
function bindLine(source: string, target: string): MountLine {
  return { source, target, type: 'none', options: ['bind', 'X-mount.mkdir'] };
}

/** An fstab(5) for `mount --all`, which mounts it from top to bottom. */
export function formatFstab(lines: readonly MountLine[]): string {
  return lines
    .map(({ source, target, type, options }) =>
      [source, target, type, options.join(','), '0', '0'].map(escapeField).join(' '),
    )
    .join('\n')
    .concat('\n');
}

function overlayLine(target: string, lower: readonly string[], options: readonly string[]): MountLine {
  // Topmost first.
  const lowerdir = `lowerdir=${lower.toReversed().join(':')}`;
  return { source: 'overlay', target, type: 'overlay', options: [...options, lowerdir] };
}

/** Cuts a chain, base first, into groups for one overlay each; the last one leaves space for the helpers' paths. */
function split(lower: readonly string[], room: number): string[][] {
  const groups: string[][] = [[]];
  let bytes = 0;
  // The helpers' paths are part of the topmost overlay's options.
  const reserve = totalLength(lower) > room || lower.length > maxLower ? 512 : 0;
  for (const path of lower) {
    const length = Buffer.byteLength(path) + 1;
    const group = groups.at(-1)!;
    if (bytes + length > room - reserve || group.length >= maxLower - (reserve > 0 ? 8 : 0)) {
      groups.push([path]);
      bytes = length;
    } else {
      group.push(path);
      bytes += length;
    }
  }
  // The kernel wants two lower directories in an overlay without an upper one.
  if (groups.length > 1 && groups[0]!.length < 2) throw new RangeError('A layer path is too long to mount.');
  return groups;
}

function totalLength(paths: readonly string[]): number {
  return paths.reduce((sum, path) => sum + Buffer.byteLength(path) + 1, 0);
}

function relative(path: string, base: string): string {
  return path.startsWith(`${base}/`) ? path.slice(base.length + 1) : path;
}

/** A path as the value of a mount option: overlayfs and mount(8) both take a backslash before a comma. */
function option(path: string, base: string): string {
  return relative(path, base).replaceAll(/[\\,]/g, '\\$&');
}

/** A path within `lowerdir`, where a colon separates. */
function lowerOption(path: string, base: string): string {
  return relative(path, base).replaceAll(/[\\,:]/g, '\\$&');
}

function escapeField(field: string): string {
  return field.replaceAll(/[ \t\n\\#]/g, each => `\\${each.charCodeAt(0).toString(8).padStart(3, '0')}`);
}
