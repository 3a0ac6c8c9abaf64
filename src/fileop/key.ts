import type { CopyAction, FileActionKind, FileOp, Owner } from '../llb/ops.ts';
import type { DigestedTree } from '../source/types.ts';
import type { ByteString } from '../util/bytes.ts';
import { type Digest, digestOf, finishDigest, startDigest } from '../util/digest.ts';
import { isErrno, StagecraftError } from '../util/errors.ts';
import { Pace } from '../util/pace.ts';
import { type CopySource, filterOf, selectSources, walkSelected } from './selection.ts';
import type { ContentKeyOfFileOp, FileOpKeyInput } from './types.ts';

/** Part of every key; a change of what operations make must change it. */
const version = 'fileop 1';

export const contentKeyOfFileOp: ContentKeyOfFileOp = async (op, inputs, options = {}) => {
  const pace = new Pace(options.signal);
  const trees = new Map<number, Promise<DigestedTree>>();
  const treeOf = (index: number): Promise<DigestedTree> | undefined => {
    if (index < 0 || index >= inputs.length) return undefined;
    let tree = trees.get(index);
    if (tree === undefined) {
      tree = Promise.resolve((inputs[index] as FileOpKeyInput).tree());
      trees.set(index, tree);
    }
    return tree;
  };
  const parts: unknown[] = [version];
  const unmatched: string[] = [];
  let isMatched = false;
  const bases = basesOf(op, inputs.length);
  for (const { input, secondaryInput, output, action } of op.actions) {
    if (action === undefined) throw new StagecraftError('usage', 'A file operation has an empty action.');
    parts.push([input, secondaryInput, output], plain(action));
    if (action.kind === 'copy') {
      // What an earlier action made is described by that action, what is in a base by the base's key.
      const tree = bases.includes(secondaryInput) ? undefined : await treeOf(secondaryInput);
      const part = tree === undefined ? selectionOf(action) : await keyOfCopy(tree, action, pace);
      parts.push(part);
      if (part.length === 0) unmatched.push(action.src);
      else isMatched = true;
    }
    if (action.kind !== 'rm' && action.owner !== undefined)
      parts.push(
        await keyOfOwner(action.owner, index => (bases.includes(index) ? undefined : treeOf(index))),
      );
  }
  if (unmatched.length > 0 && !isMatched) options.onNoMatch?.(unmatched);
  for (const index of bases) parts.push(index, inputs[index]!.key);
  return digestOf(JSON.stringify(parts));
};

/** The inputs that some action builds on: any of their files may be in the result. */
function basesOf(op: FileOp, inputCount: number): number[] {
  const bases = new Set(op.actions.map(action => action.input));
  return [...bases].filter(index => index >= 0 && index < inputCount).sort((a, b) => a - b);
}

/** What says which files of the source are meant. */
const selectors = ['src', 'includePatterns', 'excludePatterns', 'requiredPaths', 'allowWildcard'] as const;

function selectionOf(action: CopyAction): unknown[] {
  return selectors.map(name => action[name]);
}

/** The action for JSON, without what only says which files of the source are meant: these speak for themselves. */
function plain(action: FileActionKind): unknown {
  const values: Record<string, unknown> = { ...action };
  if (action.kind === 'copy') for (const name of selectors) delete values[name];
  if (action.kind === 'mkfile') values.data = digestOf(action.data);
  for (const [name, value] of Object.entries(values))
    if (typeof value === 'bigint') values[name] = String(value);
  return values;
}

async function keyOfCopy(tree: DigestedTree, action: CopyAction, pace: Pace): Promise<string[]> {
  const filter = filterOf(action);
  const parts: string[] = [];
  const taken: ByteString[] = [];
  for (const source of selectSources(tree, action)) {
    // A directory whose content is copied leaves neither its name nor its metadata in the result.
    const isContent = source.entry.type === 'directory' && action.dirCopyContents;
    parts.push(...(isContent ? ['/'] : [source.name, await tree.fingerprint(source.path)]));
    if (filter !== undefined) parts.push(await keyOfSelected(tree, source, filter, taken, pace));
    else if (source.entry.type === 'directory') parts.push(await tree.digestBelow(source.path, pace));
  }
  requirePaths(action, taken);
  return parts;
}

/** A digest over what the filter lets through below a source; adds the paths to `taken`. */
async function keyOfSelected(
  tree: DigestedTree,
  source: CopySource,
  filter: NonNullable<ReturnType<typeof filterOf>>,
  taken: ByteString[],
  pace: Pace,
): Promise<Digest> {
  const running = startDigest();
  const add = async (relative: ByteString, path: ByteString, mark: string): Promise<void> => {
    taken.push(source.written === '/' ? relative : source.written + relative);
    if (relative === '') return;
    running.update(`${relative.slice(1)}\0${mark}${await tree.fingerprint(path)}\0`, 'latin1');
  };
  await walkSelected(
    tree,
    source,
    filter,
    {
      enter: ({ relative, path }, implied) => add(relative, path, implied ? '~' : ''),
      leave: () => undefined,
      visit: ({ relative, path }) => add(relative, path, ''),
    },
    pace,
  );
  return finishDigest(running);
}

/** `COPY --parents a/b /`: each path without wildcards must be there. */
function requirePaths(action: CopyAction, taken: readonly ByteString[]): void {
  for (const required of action.requiredPaths)
    if (!taken.some(path => path.startsWith(required)))
      throw new StagecraftError(
        'not-found',
        `${JSON.stringify(required.replace(/^\//, ''))} does not exist among the files to copy.`,
      );
}

/** Names are looked up in files of an input, whose content then counts. */
async function keyOfOwner(
  owner: Owner,
  treeOf: (index: number) => Promise<DigestedTree> | undefined,
): Promise<string[]> {
  const parts: string[] = [];
  for (const [id, file] of [
    [owner.user, '/etc/passwd'],
    [owner.group, '/etc/group'],
  ] as const) {
    if (id?.byName === undefined) continue;
    const tree = await treeOf(id.byName.input);
    if (tree !== undefined) parts.push(await digestOrNothing(tree, file));
  }
  return parts;
}

async function digestOrNothing(tree: DigestedTree, path: ByteString): Promise<string> {
  try {
    return await tree.contentDigest(path, { follow: true });
  } catch (error) {
    if (error instanceof StagecraftError && error.code === 'not-found') return '';
    if (isErrno(error, 'ENOENT', 'ENOTDIR')) return '';
    throw error;
  }
}
