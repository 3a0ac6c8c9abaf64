import { formatReference, normalizeReference, parseReference } from '../image/reference.ts';
import type { Platform } from '../image/types.ts';
import { image as imageSource, ociLayout, type Tree } from '../llb/index.ts';
import { StagecraftError } from '../util/errors.ts';
import { suggest } from '../util/suggest.ts';
import { findContext, namedTree } from './contexts.ts';
import { baseImage, emptyImage, isEmptyImage, platformOf } from './images.ts';
import { located, type Planner, platformFor } from './planner.ts';
import type { StagePlan } from './stage-plan.ts';
import type { StageTable } from './stage-table.ts';
import { formatFully } from './step-name.ts';
import type { NamedContext, ResolvedImage } from './types.ts';

/**
 * Finds the base images of these stages, all at the same time, each image once. Layers are not touched.
 * @throws StagecraftError the first failure in the order of the stages
 */
export async function resolveBases(
  planner: Planner,
  table: StageTable,
  stages: Iterable<StagePlan>,
  resolver: BaseResolver,
): Promise<void> {
  const open = [...stages].filter(stage => stage.base === undefined && !stage.resolved);
  const results = await Promise.allSettled(
    open.map(async stage => {
      stage.resolved = true;
      try {
        await resolveBase(planner, table, stage, resolver);
      } catch (error) {
        throw located(error, stage.range);
      }
    }),
  );
  for (const result of results) if (result.status === 'rejected') throw result.reason;
}

/**
 * Refuses bases that could be neither a stage nor an image, also in stages that the target does not reach.
 * @throws StagecraftError `dockerfile`
 */
export function refuseWrongNames(table: StageTable): void {
  for (const stage of [...table.stages, ...table.images]) {
    if (stage.base !== undefined || stage.replacement !== undefined || stage.baseName === 'scratch') continue;
    try {
      normalizeReference(stage.baseName);
    } catch (error) {
      throw notFound(table, stage, stage.baseName, error);
    }
  }
}

/** Asks for each image once for a platform, however many stages use it. */
export class BaseResolver {
  readonly #planner: Planner;
  readonly #asked = new Map<string, Promise<ResolvedImage | undefined>>();

  constructor(planner: Planner) {
    this.#planner = planner;
  }

  resolve(ref: string, platform: Platform): Promise<ResolvedImage | undefined> {
    const key = `${formatFully(platform)} ${ref}`;
    let asked = this.#asked.get(key);
    if (asked === undefined) {
      asked = this.#planner.request.resolveImage(ref, platform);
      this.#asked.set(key, asked);
    }
    return asked;
  }

  /** An image in a layout, under the name that it stands in for. */
  resolveLayout(
    name: string,
    { store, digest }: NamedContext & { type: 'oci-layout' },
    platform: Platform,
  ): Promise<ResolvedImage> {
    const { domain, path } = parseReference(name.replace(/::.*/s, ''));
    const ref = formatReference({ domain, path, digest });
    return this.#planner.request.resolveLayout!(store, ref, platform);
  }
}

async function resolveBase(
  planner: Planner,
  table: StageTable,
  stage: StagePlan,
  resolver: BaseResolver,
): Promise<void> {
  if (stage.replacement !== undefined) {
    await useContext(planner, stage, stage.replacement, resolver);
    stage.planned = true;
    return;
  }
  const isImage = stage.stage === undefined;
  if (stage.baseName === 'scratch') {
    stage.platform = planner.targetPlatform;
    stage.image = emptyImage(planner.targetPlatform);
    if (isImage) finishImage(stage);
    return;
  }
  const platform = platformFor(planner, stage);
  const context = findContext(planner.request, stage.baseName, platform);
  if (context !== undefined) await useContext(planner, stage, context, resolver);
  else await useImage(planner, table, stage, platform, resolver);
  if (isImage) finishImage(stage);
}

/** An image of `--from` has no instructions to plan. */
function finishImage(stage: StagePlan): void {
  stage.startFromBase();
  stage.planned = true;
}

async function useImage(
  planner: Planner,
  table: StageTable,
  stage: StagePlan,
  platform: Platform,
  resolver: BaseResolver,
): Promise<void> {
  const written = stage.baseName;
  let resolved: ResolvedImage | undefined;
  try {
    resolved = await resolver.resolve(normalizeReference(written), platform);
  } catch (error) {
    throw notFound(table, stage, written, error);
  }
  if (resolved === undefined) {
    useUnknown(planner, stage, platform);
    return;
  }
  const own = platformOf(resolved.config);
  stage.platform = stage.platform ?? (planner.request.implicitPlatform ? runsAs(planner, own) : platform);
  stage.baseName = pinned(resolved);
  stage.image = baseImage(resolved.config);
  stage.baseHistory = stage.image.history ?? [];
  warnPlatform(planner, stage, written, own);
  if (isEmptyImage(resolved.config)) return;
  // Its number in progress names is out of all steps, and triggers of the image may still add some.
  stage.makeBase = () => baseTree(planner, stage);
}

/** An image that is not at hand: nothing is known of its config, and its files are whatever its name stands for. */
function useUnknown(planner: Planner, stage: StagePlan, platform: Platform): void {
  stage.platform = platform;
  stage.baseName = normalizeReference(stage.baseName);
  stage.image = emptyImage(platform);
  stage.isBaseKnown = false;
  stage.makeBase = () => baseTree(planner, stage);
}

function baseTree(planner: Planner, stage: StagePlan): Tree {
  const { multiPlatform, imageResolveMode: resolveMode } = planner.request;
  const shown = multiPlatform && stage.platform !== undefined ? formatFully(stage.platform) : '';
  return imageSource(
    stage.baseName,
    { resolveMode },
    {
      platform: stage.platform,
      name: `${stage.stepPrefix(shown)}FROM ${stage.baseName}`,
      range: stage.range,
      ...(stage.stage !== undefined && {
        description: { 'com.docker.dockerfile.v1.command': stage.stage.from.original },
      }),
    },
  );
}

/** The reference with the digest that it was found to have. */
function pinned(resolved: ResolvedImage): string {
  return formatReference({ ...parseReference(resolved.name), digest: resolved.digest });
}

/** Where nobody asked for a platform, an image of this machine's own runs as such, and any other as the default. */
function runsAs({ request, targetPlatform }: Planner, own: Platform): Platform {
  const candidates = [targetPlatform, request.buildPlatform];
  return (
    candidates.find(each => each.os === own.os && each.architecture === own.architecture) ?? targetPlatform
  );
}

function warnPlatform(planner: Planner, stage: StagePlan, written: string, own: Platform): void {
  const wanted = platformFor(planner, stage);
  if (!own.os || !own.architecture) return;
  if (own.os === wanted.os && own.architecture === wanted.architecture) return;
  planner.warnings.add(
    'InvalidBaseImagePlatform',
    `Base image ${written} was pulled with platform "${formatFully(own)}", expected "${formatFully(wanted)}" for current build`,
    stage.range,
  );
}

/** `--build-context` in place of an image or a whole stage. */
async function useContext(
  planner: Planner,
  stage: StagePlan,
  { name, context }: { name: string; context: NamedContext },
  resolver: BaseResolver,
): Promise<void> {
  const platform = platformFor(planner, stage);
  stage.platform = platform;
  stage.image = emptyImage(platform);
  if (context.type === 'image') {
    if (context.ref === 'scratch') return;
    const resolved = await resolver.resolve(normalizeReference(context.ref), platform);
    standOn(stage, resolved, ref => imageSource(ref, {}, { platform, name: `[context ${name}] ${ref}` }));
    return;
  }
  if (context.type === 'oci-layout') {
    const resolved = await resolver.resolveLayout(name, context, platform);
    standOn(stage, resolved, ref =>
      ociLayout(
        ref,
        { storeId: context.store },
        { platform, name: `[context ${name}] OCI load from client` },
      ),
    );
    return;
  }
  stage.baseName = name;
  stage.tree = namedTree(name, context, () => stage.usedPaths);
  stage.image = { ...stage.image, history: [{ comment: `build context ${name}` }] };
}

function standOn(stage: StagePlan, resolved: ResolvedImage | undefined, source: (ref: string) => Tree): void {
  if (resolved === undefined) {
    stage.isBaseKnown = false;
    return;
  }
  stage.image = baseImage(resolved.config);
  stage.baseHistory = stage.image.history ?? [];
  stage.baseName = pinned(resolved);
  stage.tree = isEmptyImage(resolved.config) ? undefined : source(stage.baseName);
}

/** A name that is no image is often a stage that comes later, or one that is misspelt. */
function notFound(table: StageTable, stage: StagePlan, written: string, error: unknown): unknown {
  if (!(error instanceof StagecraftError)) return error;
  if (error.code !== 'not-found' && error.code !== 'usage') return error;
  return new StagecraftError(error.code === 'usage' ? 'dockerfile' : error.code, error.message, {
    cause: error.cause ?? error,
    hint: stageHint(table, stage, written) ?? error.hint,
    range: stage.range,
  });
}

function stageHint(table: StageTable, stage: StagePlan, written: string): string | undefined {
  const same = table.byName(written);
  if (same !== undefined && same.index < stage.index)
    return `Write the stage's name in lower case: ${same.name}.`;
  if (same === stage)
    return `Stage ${same.title} cannot be made from itself; its base must be another stage or an image.`;
  if (same !== undefined) {
    const line = same.range.start.line;
    return `Stage ${same.title} is defined further down, at line ${line}. Move it above line ${stage.range.start.line} to use it here.`;
  }
  const meant = suggest(written, table.names());
  return meant === undefined ? undefined : `Did you mean the stage "${meant}"?`;
}
