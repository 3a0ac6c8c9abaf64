import { posix } from 'node:path';
import type { Mount } from '../dockerfile/types.ts';
import { type ExecMount, type ExecSpec, file, type SecretMount, type Tree } from '../llb/index.ts';
import { StagecraftError } from '../util/errors.ts';
import { contextPath } from './contexts.ts';
import type { Planner } from './planner.ts';
import type { StagePlan } from './stage-plan.ts';

/** The parts of a process that its `--mount` flags make. */
export interface RunMounts {
  mounts: ExecMount[];
  secrets: NonNullable<ExecSpec['secrets']>[number][];
  secretEnv: NonNullable<ExecSpec['secretEnv']>[number][];
  ssh: NonNullable<ExecSpec['ssh']>[number][];
}

/** @param sources for each mount the stage or image that it names by `from` */
export function planMounts(
  planner: Planner,
  stage: StagePlan,
  mounts: readonly Mount[],
  sources: readonly (StagePlan | undefined)[],
): RunMounts {
  const planned: RunMounts = { mounts: [], secrets: [], secretEnv: [], ssh: [] };
  for (const [i, mount] of mounts.entries()) {
    if (mount.type === 'secret') planSecret(planned, mount);
    else if (mount.type === 'ssh') planSsh(planned, mount);
    else planned.mounts.push(planTree(planner, stage, mount, sources[i]));
  }
  return planned;
}

function planTree(planner: Planner, stage: StagePlan, mount: Mount, from: StagePlan | undefined): ExecMount {
  const target = posix.isAbsolute(mount.target) ? mount.target : posix.join('/', stage.cwd, mount.target);
  if (posix.normalize(target) === '/') {
    throw new StagecraftError('dockerfile', `RUN --mount cannot have the target "${mount.target || '/'}".`, {
      hint: 'Say where in the file system it goes: target=/path.',
    });
  }
  const { tree, selector } = planSource(planner, stage, mount, from);
  return {
    target,
    tree,
    selector,
    ...(mount.readOnly ? { readonly: true } : mount.type === 'bind' && { discard: true }),
    ...(mount.type === 'tmpfs' && { tmpfs: { size: mount.sizeLimit } }),
    ...(mount.type === 'cache' && {
      cache: { id: cacheId(planner, mount), sharing: mount.sharing ?? 'shared' },
    }),
  };
}

/** The build argument keeps the caches of several users of one builder apart. */
function cacheId(planner: Planner, mount: Mount): string {
  const namespace = planner.buildArgs.get('BUILDKIT_CACHE_MOUNT_NS') ?? '';
  return `${namespace}/${mount.id || posix.normalize(mount.target)}`;
}

/** The tree that is mounted, and the path in it. A cache and a tmpfs start empty unless they say otherwise. */
function planSource(
  planner: Planner,
  stage: StagePlan,
  mount: Mount,
  from: StagePlan | undefined,
): { tree: Tree; selector?: string } {
  if (mount.type === 'tmpfs') return { tree: undefined };
  const path = contextPath(mount.source);
  if (from !== undefined) from.usedPaths.add(path);
  else if (mount.type === 'bind') stage.contextPaths.add(path);
  const tree: Tree = from !== undefined ? from.tree : mount.type === 'bind' ? planner.context : undefined;
  if (path !== '/') return { tree, selector: path };
  if (mount.uid === undefined && mount.gid === undefined && mount.mode === undefined) return { tree };
  const owned = file(
    tree,
    [
      {
        do: 'mkdir',
        path: '/cache',
        mode: mount.mode ?? 0o755,
        owner: { user: mount.uid ?? 0, group: mount.gid ?? 0 },
      },
    ],
    { name: '[internal] setting cache mount permissions' },
  );
  return { tree: owned, selector: '/cache' };
}

function planSecret(planned: RunMounts, mount: Mount): void {
  const id = mount.source || mount.id || posix.basename(mount.target);
  const optional = !mount.required;
  if (mount.env !== undefined) planned.secretEnv.push({ id, name: mount.env, optional });
  if (mount.env !== undefined && mount.target === '') return;
  const target = mount.target || `/run/secrets/${posix.basename(id)}`;
  planned.secrets.push({ ...access(mount, 0o400), id, optional, target });
}

function planSsh(planned: RunMounts, mount: Mount): void {
  if (mount.source !== '') {
    throw new StagecraftError('dockerfile', 'RUN --mount=type=ssh takes no source.', {
      hint: 'Name the agent by id=, as in --ssh ID.',
    });
  }
  const target = mount.target || undefined;
  planned.ssh.push({ ...access(mount, 0o600), id: mount.id, optional: !mount.required, target });
}

function access(mount: Mount, mode: number): Pick<SecretMount, 'uid' | 'gid' | 'mode'> {
  return { uid: mount.uid ?? 0, gid: mount.gid ?? 0, mode: mount.mode ?? mode };
}
