import { closeSync, readFileSync, readSync } from 'node:fs';
import { contextTree, downloadName } from '../frontend/contexts.ts';
import type { RemoteContext } from '../frontend/types.ts';
import { marshal, type Output, unmarshal } from '../llb/index.ts';
import type { FileTree } from '../snapshot/types.ts';
import { solve } from '../solver/solver.ts';
import { archiveStart, isArchive } from '../source/upload.ts';
import { type ByteString, bytesFromText } from '../util/bytes.ts';
import { StagecraftError } from '../util/errors.ts';
import type { BuildServices } from './services.ts';
import { dockerfileLimit, tooLong } from './standard-input.ts';
import { Task } from './task.ts';

/** The files of a source of the graph, which is fetched now; the build finds it fetched. */
export async function openSource(output: Output, { sources, solver }: BuildServices): Promise<FileTree> {
  const graph = unmarshal(marshal(output));
  const { digest, op, metadata } = graph.vertices.get(graph.target!.digest)!;
  if (op.kind !== 'source') throw new Error('This is no source.');
  const body = async (task: Task) => {
    const progress = {
      status: (id: string, current: number, total?: number) => task.status(id, current, total),
      signal: solver.signal,
      beforeWork: () => solver.beforeWork(),
    };
    const source = await solver.resolveSource(op.identifier, op.attrs, undefined, progress);
    return source.load(progress);
  };
  const loaded = await Task.run(solver.progress, metadata.name ?? op.identifier, body, digest);
  return 'tree' in loaded ? loaded.tree : sources.layers.view(loaded.rootFs);
}

/**
 * The files in the archive that a context is, unpacked now unless the cache has them; the build finds them unpacked.
 * @throws StagecraftError `integrity` when it is none after all
 */
export async function openArchive(
  context: RemoteContext,
  shown: string,
  { sources, solver }: BuildServices,
): Promise<FileTree> {
  const { rootFses } = await solve([marshal(contextTree(context))], solver);
  // Outside of its namespace an ordinary user sees the layers' files with other owners, and may not read them all.
  solver.beforeWork();
  const tree = sources.layers.view(rootFses[0]!);
  const [only, ...others] = tree.list('/');
  // What cannot be unpacked is copied as it is, as by ADD.
  if (only === downloadName && others.length === 0 && holdsArchive(tree))
    throw new StagecraftError(
      'integrity',
      `The build context ${shown} is no tar archive, or a damaged one.`,
      {
        hint: 'It must be a tar archive, compressed by gzip, bzip2, xz or zstd if at all.',
      },
    );
  return tree;
}

/** Whether a download is an archive of a context, or else a Dockerfile. */
export function holdsArchive(tree: FileTree): boolean {
  if (tree.lstat(bytesFromText(`/${downloadName}`))?.type !== 'file') return false;
  const fd = tree.open(bytesFromText(`/${downloadName}`));
  try {
    const start = Buffer.alloc(archiveStart);
    return isArchive(start.subarray(0, readSync(fd, start)));
  } finally {
    closeSync(fd);
  }
}

/**
 * A Dockerfile among files that somebody else may have made. Where there is no `Dockerfile`, Docker takes a `dockerfile`.
 * @throws StagecraftError `not-found` or `dockerfile`
 */
export function readDockerfileIn(
  tree: FileTree,
  name: string,
  context: string,
): { text: Uint8Array; name: string } {
  const lowerCase = name.replace(/(^|\/)Dockerfile$/, '$1dockerfile');
  for (const candidate of new Set([name, lowerCase])) {
    const text = readFile(tree, bytesFromText(`/${candidate}`), candidate);
    if (text !== undefined) return { text, name: candidate };
  }
  throw new StagecraftError('not-found', `The build context ${context} has no file ${name}.`, {
    hint: 'Name the Dockerfile in it with -f; an absolute path is one of this machine.',
  });
}

function readFile(tree: FileTree, path: ByteString, name: string): Uint8Array | undefined {
  const place = tree.resolve(path);
  const entry = tree.lstat(place);
  if (entry === undefined) return undefined;
  if (entry.type !== 'file')
    throw new StagecraftError('not-found', `${name} in the build context is no file but a ${entry.type}.`);
  if (entry.size > dockerfileLimit) throw tooLong(`The Dockerfile ${name}`);
  const fd = tree.open(place);
  try {
    return readFileSync(fd);
  } finally {
    closeSync(fd);
  }
}
