import { type CacheKey, copyKey } from '../cache/keys.ts';
import { executeFileOp } from '../fileop/execute.ts';
import type { RootFs } from '../snapshot/types.ts';
import type { DigestedTree } from '../source/types.ts';
import { type ByteString, bytesFromText, textFromBytes } from '../util/bytes.ts';
import type { SolverServices, StepContext } from './types.ts';

/** The key of a whole tree by its files. */
export async function treeKey(tree: DigestedTree): Promise<string> {
  return `tree ${await tree.contentDigest('/')}`;
}

/** Files of a tree as layers. */
export interface CopiedTree {
  rootFs: RootFs;
  /** False when a file changed under the copy: the tree's digests do not describe it then. */
  cacheable: boolean;
}

/** A path of a build context as a layer, at the same place, so that it can be mounted. Made once for equal files. */
export async function materialize(
  tree: DigestedTree,
  path: string,
  { services, records }: Pick<StepContext, 'services' | 'records'>,
): Promise<CopiedTree> {
  const bytes = bytesFromText(path);
  const key: CacheKey = copyKey(path, await tree.contentDigest(bytes, { follow: true }));
  const known = records.find(key)?.outputs[0];
  if (known) return { rootFs: known, cacheable: true };
  const started = performance.now();
  const copied = await copyTree(tree, bytes, bytes, services);
  const durationMs = performance.now() - started;
  const description = `copy of ${path}`;
  if (copied.cacheable)
    records.save([key], { canonical: key, outputs: [copied.rootFs], description, durationMs });
  return copied;
}

/** Copies a path of a tree into a layer of its own. */
export async function copyTree(
  tree: DigestedTree,
  from: ByteString,
  to: ByteString,
  services: SolverServices & { readonly unshared?: boolean },
): Promise<CopiedTree> {
  services.beforeWork();
  const copy = {
    kind: 'copy',
    src: textFromBytes(from),
    dest: textFromBytes(to),
    mode: -1,
    followSymlink: true,
    dirCopyContents: true,
    attemptUnpack: false,
    createDestPath: true,
    allowWildcard: false,
    allowEmptyWildcard: false,
    timestamp: -1n,
    includePatterns: [],
    excludePatterns: [],
    alwaysReplaceExistingDestPaths: false,
    modeText: '',
    requiredPaths: [],
  } as const;
  const actions = [{ input: -1, secondaryInput: 0, output: 0, action: copy }];
  const { outputs, cacheable } = await executeFileOp({ actions: actions as never }, [{ tree }], services);
  return { rootFs: outputs[0] ?? [], cacheable };
}
