import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { FrontendRequest, ResolveImage } from '../frontend/types.ts';
import { familiarName, normalizeReference } from '../image/reference.ts';
import type { Level } from '../lint/check.ts';
import type { CheckReport } from '../lint/report.ts';
import type { FileTree } from '../snapshot/types.ts';
import { LocalTree } from '../source/local.ts';
import { blobsOf } from '../store/blobs.ts';
import { defaultStoreRoot, openStore, type Store } from '../store/store.ts';
import { StagecraftError } from '../util/errors.ts';
import { rememberText } from '../util/excerpt.ts';
import { planAndCheck, violationOf } from './checked-plan.ts';
import { type ContextDirectory, openDirectory } from './context-directory.ts';
import { findDockerfile, readDockerfileAt } from './dockerfile-file.ts';
import { type BuildInputs, readInputs } from './inputs.ts';
import { localImages } from './local-images.ts';
import { openNamedContexts } from './named-contexts.ts';
import { once } from './once.ts';
import { frontendRequest, platformsOf } from './planning.ts';
import type { BuildRequest } from './request.ts';
import { withServices } from './services.ts';
import { layoutResolver, mainTree, type SourceServices } from './sources.ts';

/** Checks Dockerfiles of this machine, one after another. It makes no store, and runs nothing. */
export interface Checker {
  /**
   * Checks a Dockerfile for a context that is a directory; all its stages, unless the request names a target.
   * @param text stands in for what the file says; that of a Dockerfile `-`, which is in no file
   * Whatever is wrong is in the report, also that there is no such file.
   */
  check(request: BuildRequest, text?: Uint8Array): Promise<CheckReport>;
  close(): void;
}

/** @param root the store to look for base images in, where there is one */
export function openChecker(root: string = defaultStoreRoot()): Checker {
  let store: Store | undefined;
  const images = once((): ResolveImage | undefined => {
    if (!existsSync(join(root, 'metadata.db'))) return undefined;
    try {
      store = openStore(root);
    } catch (error) {
      // Somebody else's: then it is as if there were none.
      if (error instanceof StagecraftError) return undefined;
      throw error;
    }
    return localImages({ store, blobs: blobsOf(store) });
  });
  /** One for all Dockerfiles that lie together. */
  const trees = new Map<string, LocalTree>();
  const openTree = ({ directory, ignorePatterns }: ContextDirectory): FileTree => {
    const key = JSON.stringify([directory, ignorePatterns]);
    const tree = trees.get(key) ?? new LocalTree(directory, { excludePatterns: ignorePatterns });
    trees.set(key, tree);
    return tree;
  };
  const check = async (request: BuildRequest, text?: Uint8Array): Promise<CheckReport> => {
    const file = request.dockerfile === '-' ? undefined : findDockerfile(request.dockerfile, request.context);
    const read =
      file === undefined ? { name: 'Dockerfile', text: undefined, path: undefined } : readDockerfileAt(file);
    const context = openDirectory(request.context, read.path);
    const sources: Pick<SourceServices, 'contexts' | 'layouts'> = { contexts: new Map(), layouts: new Map() };
    const inputs: BuildInputs = {
      dockerfile: { text: text ?? read.text ?? new Uint8Array(), name: read.name },
      ignorePatterns: context.ignorePatterns,
      namedContexts: openNamedContexts(request.namedContexts ?? {}, sources),
    };
    const resolveImage: ResolveImage = async (ref, platform) => images()?.(ref, platform);
    const resolvers = { resolveImage, resolveLayout: layoutResolver(sources) };
    const report = await reportOn(request, inputs, resolvers, () => openTree(context));
    return { ...report, path: read.path };
  };
  return {
    async check(request, text) {
      try {
        return await check(request, text);
      } catch (error) {
        if (!(error instanceof StagecraftError) || error.code === 'usage') throw error;
        const name = request.dockerfile ?? request.context;
        return { name, path: undefined, data: new Uint8Array(), findings: [], error, unknownImages: [] };
      }
    },
    close() {
      for (const tree of trees.values()) tree.close();
      store?.close();
    },
  };
}

/** Checks what `build` would build, wherever its context is, as `build --check` does. */
export async function checkBuild(request: BuildRequest): Promise<CheckReport> {
  return withServices(request, async services => {
    const { sources } = services;
    const inputs = await readInputs(request, services);
    const resolvers = { resolveImage: localImages(sources), resolveLayout: layoutResolver(sources) };
    return reportOn(request, inputs, resolvers, () => mainTree(sources));
  });
}

async function reportOn(
  request: BuildRequest,
  inputs: BuildInputs,
  resolvers: Pick<FrontendRequest, 'resolveImage' | 'resolveLayout'>,
  openTree: () => FileTree | undefined,
): Promise<CheckReport> {
  const unknown = new Set<string>();
  const { text: data, name } = inputs.dockerfile;
  const resolveImage: ResolveImage = async (ref, platform) => {
    const found = await resolvers.resolveImage(ref, platform);
    if (found === undefined) unknown.add(familiarName(normalizeReference(ref)));
    return found;
  };
  const [platform] = platformsOf(request);
  const asked: FrontendRequest = {
    ...frontendRequest(request, inputs, platform, { ...resolvers, resolveImage }),
    allStages: request.target === undefined,
  };
  const { level = 'warning' as Level, options } = request.checks ?? {};
  try {
    const checked = await planAndCheck(asked, openTree, level, options);
    const { findings, error = violationOf(checked.options, findings) } = checked;
    if (error !== undefined) rememberText(error, new Map([[name, data]]));
    return { name, path: undefined, data, findings, error, unknownImages: [...unknown] };
  } catch (error) {
    if (!(error instanceof StagecraftError)) throw error;
    rememberText(error, new Map([[name, data]]));
    return { name, path: undefined, data, findings: [], error, unknownImages: [...unknown] };
  }
}
