import {
  actionJson,
  type CopyAction,
  type FileActionKind,
  type FileOp,
  goJson,
  type Owner,
} from '../../llb/index.ts';
import { digestOf } from '../../util/digest.ts';
import type { Description, InputUse, Selector } from './description.ts';
import { baseName, compareBytes, withoutNested } from './paths.ts';

/**
 * Changes of files: each action as JSON, in which a copy's source is only its last part; which files are meant is the
 * selector's. As BuildKit's solver/llbsolver/ops/file.go has it.
 */
export function describeFile(op: FileOp, inputCount: number): Description {
  const actions = op.actions.map(({ secondaryInput, action }) => {
    const isInput = action?.kind === 'copy' && secondaryInput >= 0 && secondaryInput < inputCount;
    const shown = isInput ? { ...action, src: baseName(action.src) } : action!;
    return Buffer.from(goJson(actionJson(shown))).toString('base64');
  });
  const indexes = op.actions.map(({ input, secondaryInput, output }) => [input, secondaryInput, output]);
  const json = goJson({
    Type: 'buildkit.file.v0',
    Actions: actions,
    ...(!areUsual(indexes) && { indexes }),
  });
  const inputs = Array.from({ length: inputCount }, (_, input) => useOf(op, input));
  return { digest: digestOf(json), inputs };
}

/** The numbers that most operations have, which the first versions of BuildKit left out. */
function areUsual(indexes: readonly (readonly number[])[]): boolean {
  const last = indexes.length - 1;
  return indexes.every(
    ([input, secondary, output], i) =>
      input === (i === 0 ? 0 : last + i) &&
      (secondary === -1 || secondary === 1) &&
      output === (i === last ? 0 : -1),
  );
}

function useOf(op: FileOp, input: number): InputUse {
  const isBase = op.actions.some(action => action.input === input);
  const selectors = op.actions.flatMap(({ secondaryInput, action }) => [
    ...ownerSelectors(action, input),
    ...(action?.kind === 'copy' && secondaryInput === input ? [selectorOf(action)] : []),
  ]);
  // What an action changes may be in the result as a whole.
  if (isBase || selectors.length === 0) return { selector: '' };
  const paths = selectors.map(({ path }) => path).sort(compareBytes);
  return { selector: digestOf(paths.reverse().join('\0')), content: distinct(selectors) };
}

function selectorOf(action: CopyAction): Selector {
  const { src: path, followSymlink: followLinks, allowWildcard, includePatterns, excludePatterns } = action;
  const wildcard = allowWildcard && /^(?:[^\\]|\\.)*?[*?[]/su.test(path);
  return { path, followLinks, wildcard, includePatterns, excludePatterns };
}

/** Names of owners are looked up in files. */
function ownerSelectors(action: FileActionKind | undefined, input: number): Selector[] {
  if (action === undefined || action.kind === 'rm' || action.kind === 'symlink') return [];
  const owner: Owner = action.owner ?? {};
  return [
    ...(owner.user?.byName?.input === input ? [{ path: '/etc/passwd', followLinks: true }] : []),
    ...(owner.group?.byName?.input === input ? [{ path: '/etc/group', followLinks: true }] : []),
  ];
}

/** Plain paths once each and without those below others, then what has patterns; in the order of their paths. */
function distinct(selectors: readonly Selector[]): Selector[] {
  const isPlain = ({ wildcard, includePatterns, excludePatterns }: Selector): boolean =>
    !wildcard && !includePatterns?.length && !excludePatterns?.length;
  const plain = (followLinks: boolean): Selector[] => {
    const paths = selectors
      .filter(each => isPlain(each) && (each.followLinks ?? false) === followLinks)
      .map(({ path }) => path);
    return (paths.length > 1 ? withoutNested(paths) : paths).map(path => ({ path, followLinks }));
  };
  const all = [...plain(false), ...plain(true), ...selectors.filter(each => !isPlain(each))];
  return all.sort((a, b) => compareBytes(a.path, b.path));
}
