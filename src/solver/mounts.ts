import { isUtf8 } from 'node:buffer';
import { posix } from 'node:path';
import type { ExecOp, GraphVertex, Mount } from '../llb/index.ts';
import type { SandboxMount } from '../sandbox/types.ts';
import type { DraftLayer, RootFs } from '../snapshot/types.ts';
import { StagecraftError } from '../util/errors.ts';
import {
  type CacheMount,
  cacheMountName,
  cacheMountRequest,
  openCacheMount,
  selectorOf,
  strictness,
} from './cache-mount.ts';
import { materialize } from './trees.ts';
import type { Output, StepContext } from './types.ts';

/** What a process stands on, ready to mount. Release it whatever happens. */
export interface PreparedMounts {
  rootFs: RootFs;
  /** Where changes of the root go; nothing when it is read-only. */
  rootDraft: DraftLayer | undefined;
  mounts: SandboxMount[];
  /** Secrets that the process gets as variables. */
  env: string[];
  /** False when a file of the build context changed since the operation's key was made of it. */
  cacheable: boolean;
  /** Makes the drafts immutable; the outputs of the operation by their index. */
  commit(): (RootFs | null)[];
  /** Discards what was not committed and gives locks back. */
  release(): void;
}

/** Turns the mounts of an operation into those of the sandbox. */
export async function prepareMounts(
  vertex: GraphVertex,
  op: ExecOp,
  inputs: readonly Output[],
  context: StepContext,
): Promise<PreparedMounts> {
  const preparation = new Preparation(vertex, inputs, context);
  try {
    const mounts = parentsFirst(op.mounts);
    await preparation.openCaches(mounts.filter(mount => mount.type === 'cache'));
    for (const mount of mounts) await preparation.add(mount);
    for (const { id, name, optional } of op.secretEnv)
      await preparation.addSecretVariable(id, name, optional);
    return preparation;
  } catch (error) {
    preparation.release();
    throw error;
  }
}

class Preparation implements PreparedMounts {
  rootFs: RootFs = [];
  rootDraft: DraftLayer | undefined;
  cacheable = true;
  readonly mounts: SandboxMount[] = [];
  readonly env: string[] = [];
  readonly #vertex: GraphVertex;
  readonly #inputs: readonly Output[];
  readonly #context: StepContext;
  readonly #outputs: { index: number; below: RootFs; draft: DraftLayer }[] = [];
  readonly #unchanged: { index: number; rootFs: RootFs }[] = [];
  readonly #drafts = new Set<DraftLayer>();
  readonly #caches = new Map<Mount, CacheMount>();
  readonly #locks: { release(): void }[] = [];

  constructor(vertex: GraphVertex, inputs: readonly Output[], context: StepContext) {
    this.#vertex = vertex;
    this.#inputs = inputs;
    this.#context = context;
  }

  /**
   * Opens the cache mounts, in the order of their names whatever that of the mounts is: so no two operations wait for
   * each other's locks. One that is mounted at two places is opened once, in its strictest way.
   */
  async openCaches(mounts: readonly Mount[]): Promise<void> {
    const wanted = await Promise.all(
      mounts.map(async mount => {
        const request = await cacheMountRequest(this.#vertex, mount, this.#context);
        return { mount, request, name: cacheMountName(request) };
      }),
    );
    wanted.sort(
      (a, b) =>
        (a.name < b.name ? -1 : Number(a.name > b.name)) ||
        strictness.indexOf(a.request.sharing) - strictness.indexOf(b.request.sharing),
    );
    const opened = new Map<string, CacheMount>();
    for (const { mount, request, name } of wanted) {
      let cache = opened.get(name);
      if (cache === undefined) {
        cache = await openCacheMount(request, this.#context.services);
        this.#locks.push(cache);
        opened.set(name, cache);
      }
      this.#caches.set(mount, cache);
    }
  }

  async add(mount: Mount): Promise<void> {
    const target = mount.dest;
    if (target === '/') return this.#addRoot(mount);
    switch (mount.type) {
      case 'bind':
        return this.#addBind(mount);
      case 'cache':
        return this.#addCache(mount);
      case 'tmpfs':
        this.mounts.push({ type: 'tmpfs', target, ...(mount.tmpfs?.size && { size: mount.tmpfs.size }) });
        return;
      case 'secret':
        return this.#addSecret(mount);
      case 'ssh':
        return this.#addSsh(mount);
    }
  }

  async addSecretVariable(id: string, name: string, optional: boolean): Promise<void> {
    const value = await this.#context.services.lent.secret(id);
    if (value !== undefined) this.env.push(`${name}=${textOf(id, value)}`);
    else if (!optional) throw missingSecret(id);
  }

  commit(): (RootFs | null)[] {
    const outputs: (RootFs | null)[] = [];
    for (const { index, rootFs } of this.#unchanged) outputs[index] = rootFs;
    for (const { index, below, draft } of this.#outputs) {
      outputs[index] = [...below, draft.commit()];
      this.#drafts.delete(draft);
    }
    return Array.from(outputs, output => output ?? null);
  }

  release(): void {
    try {
      for (const draft of this.#drafts) draft.discard();
    } finally {
      for (const lock of this.#locks) lock.release();
    }
  }

  async #addRoot(mount: Mount): Promise<void> {
    this.rootFs = await this.#rootFs(mount);
    if (!mount.readonly) this.rootDraft = this.#draft(mount, this.rootFs);
    else if (mount.output >= 0) this.#unchanged.push({ index: mount.output, rootFs: this.rootFs });
  }

  async #addBind(mount: Mount): Promise<void> {
    const { layers } = this.#context.services;
    const rootFs = await this.#rootFs(mount);
    const draft = mount.readonly && rootFs.length > 0 ? undefined : this.#draft(mount, rootFs);
    const target = mount.dest;
    if (rootFs.length === 0 && draft !== undefined) {
      this.mounts.push({ type: 'bind', source: draft.dir, target, readonly: mount.readonly });
      return;
    }
    this.mounts.push({
      type: 'overlay',
      layers: layers.mountDirs(rootFs),
      target,
      ...(draft !== undefined && { upper: { dir: draft.dir, workDir: draft.workDir } }),
      ...(selectorOf(mount) !== '/' && { selector: selectorOf(mount) }),
    });
  }

  #addCache(mount: Mount): void {
    const { dir } = this.#caches.get(mount) as CacheMount;
    this.mounts.push({ type: 'bind', source: dir, target: mount.dest, readonly: mount.readonly });
  }

  async #addSecret(mount: Mount): Promise<void> {
    const { id, uid, gid, mode, optional } = mount.secret ?? {
      id: '',
      uid: 0,
      gid: 0,
      mode: 0o400,
      optional: false,
    };
    const data = await this.#context.services.lent.secret(id);
    if (data !== undefined) this.mounts.push({ type: 'secret', target: mount.dest, data, uid, gid, mode });
    else if (!optional) throw missingSecret(id);
  }

  async #addSsh(mount: Mount): Promise<void> {
    const { uid, gid, mode, optional } = mount.ssh ?? {
      uid: 0,
      gid: 0,
      mode: 0o600,
      optional: false,
    };
    // LLB leaves the name of the usual agent empty.
    const id = mount.ssh?.id || 'default';
    const serve = await this.#context.services.lent.sshAgent(id);
    if (serve !== undefined) this.mounts.push({ type: 'socket', serve, target: mount.dest, uid, gid, mode });
    else if (!optional) {
      throw new StagecraftError(
        'not-found',
        `This step needs the SSH agent '${id}', which the build was not given.`,
        {
          hint:
            id === 'default'
              ? 'Pass it with --ssh default, or keys with --ssh default=KEYFILE.'
              : `Pass it with --ssh ${id}=SOCKET, or keys with --ssh ${id}=KEYFILE.`,
        },
      );
    }
  }

  /** A draft for a mount that is written to; kept if the operation has an output for it. */
  #draft(mount: Mount, below: RootFs): DraftLayer {
    const draft = this.#context.services.layers.create(below);
    this.#drafts.add(draft);
    if (mount.output >= 0) this.#outputs.push({ index: mount.output, below, draft });
    return draft;
  }

  async #rootFs(mount: Mount): Promise<RootFs> {
    const input = this.#inputs[mount.input];
    if (input === undefined) return [];
    if ('rootFs' in input) return input.rootFs;
    const { rootFs, cacheable } = await materialize(input.tree, selectorOf(mount), this.#context);
    if (!cacheable) this.cacheable = false;
    return rootFs;
  }
}

/** A mount inside another one must come after it. Of two at one place only the later one is seen. */
function parentsFirst(mounts: readonly Mount[]): Mount[] {
  const last = new Map(mounts.map(mount => [posix.normalize(mount.dest).replace(/(?<=.)\/$/, ''), mount]));
  const depth = (mount: Mount): number => mount.dest.split('/').filter(part => part !== '').length;
  return [...last.values()].sort((a, b) => depth(a) - depth(b));
}

/** A secret's value as that of a variable. @throws StagecraftError `usage` for bytes that are no text */
function textOf(id: string, value: Uint8Array): string {
  if (isUtf8(value) && !value.includes(0)) return Buffer.from(value).toString('utf8');
  throw new StagecraftError('usage', `The secret '${id}' cannot be a variable: it is not text in UTF-8.`, {
    hint: `Mount it as a file, RUN --mount=type=secret,id=${id}, or encode it.`,
  });
}

function missingSecret(id: string): StagecraftError {
  return new StagecraftError(
    'not-found',
    `This step needs the secret '${id}', which the build was not given.`,
    {
      hint: `Pass it with --secret id=${id},src=FILE or --secret id=${id},env=VARIABLE.`,
    },
  );
}
