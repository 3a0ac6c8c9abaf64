import { hostPlatform } from '../../image/platform.ts';
import {
  type ExecOp,
  essenceOf,
  goJson,
  type Mount,
  type OpPlatform,
  operationJson,
} from '../../llb/index.ts';
import { digestOf } from '../../util/digest.ts';
import type { Description, InputUse, Selector } from './description.ts';
import { cleanPath, compareBytes, withoutNested } from './paths.ts';

/**
 * A process: what it is told, on which platform. Proxy variables, addresses of hosts, and which part of an input is
 * mounted are left out; the latter is the selector's. As BuildKit's solver/llbsolver/ops/exec.go has it.
 */
export function describeExec(op: ExecOp, inputCount: number, platform?: OpPlatform): Description {
  const { os, architecture, variant, ...rest } = platform ?? hostPlatform();
  const mounts = op.mounts.map(mount => ({ ...mount, selector: '' }));
  const essence = essenceOf({ ...op, mounts: isPlainRoot(mounts) ? [] : mounts });
  const json = goJson({
    Type: 'buildkit.exec.v0',
    Exec: operationJson({ kind: 'exec', ...essence }),
    OS: os,
    Arch: architecture,
    ...(variant && { Variant: variant }),
    ...(rest['os.version'] && { OSVersion: rest['os.version'] }),
    ...(rest['os.features']?.length && { OSFeatures: [...rest['os.features']] }),
  });
  const inputs = Array.from({ length: inputCount }, (_, input) => useOf(op, input));
  return { digest: digestOf(json), inputs };
}

/** The root file system and nothing else: the first versions of BuildKit left mounts out, and so it stayed. */
function isPlainRoot(mounts: readonly Mount[]): boolean {
  const [root] = mounts;
  return (
    mounts.length === 1 &&
    root !== undefined &&
    root.dest === '/' &&
    root.type === 'bind' &&
    !root.readonly &&
    root.resultId === '' &&
    [root.cache, root.ssh, root.secret].every(option => option === undefined)
  );
}

function useOf(op: ExecOp, input: number): InputUse {
  const uses = op.mounts.filter(
    mount => mount.input === input && (mount.type === 'bind' || mount.type === 'cache'),
  );
  if (uses.length === 0) return { selector: '' };
  const paths = uses.map(({ selector }) => cleanPath(selector));
  const selector = digestOf(paths.join('\0'));
  // As in BuildKit the last mount of an input decides.
  return isKnownByContent(uses.at(-1)!) ? { selector, content: selectorsOf(paths) } : { selector };
}

/** Only what cannot reach the result through the mount counts by its files. */
function isKnownByContent({ dest, output, readonly, selector, contentCache }: Mount): boolean {
  if (contentCache === 'off' || (contentCache === 'default' && dest === '/')) return false;
  return output === -1 || readonly || cleanPath(selector) === '/';
}

function selectorsOf(paths: readonly string[]): Selector[] {
  const needed = paths.length > 1 ? withoutNested(paths).sort(compareBytes) : paths;
  return needed.includes('/') ? [] : needed.map(path => ({ path, followLinks: true }));
}
