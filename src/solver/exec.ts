import type { ExecOp, GraphVertex, Mount } from '../llb/index.ts';
import type { DeviceEdits } from '../sandbox/types.ts';
import type { DraftLayer } from '../snapshot/types.ts';
import { resolveUser } from '../snapshot/users.ts';
import { bytesFromText } from '../util/bytes.ts';
import { StagecraftError } from '../util/errors.ts';
import { selectorOf } from './cache-mount.ts';
import { type PreparedMounts, prepareMounts } from './mounts.ts';
import type { Reporter } from './reporter.ts';
import type { Output, SolverServices, StepContext, Work, WorkResult } from './types.ts';

const defaultPath = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

const absentDevice = 'A step that cannot do without it says so: RUN --device=NAME,required.';

/** The builds whose notice was told. */
const told = new WeakSet<SolverServices['ambient']>();

/** `RUN`: a process in a root file system of its own. */
export class ExecWork implements Work {
  readonly readsContent: boolean;
  readonly #vertex: GraphVertex;
  readonly #op: ExecOp;
  readonly #context: StepContext;

  constructor(vertex: GraphVertex, op: ExecOp, context: StepContext) {
    this.#vertex = vertex;
    this.#op = op;
    this.#context = context;
    this.readsContent = vertex.inputs.some((_, input) => this.onlyReads(input));
  }

  onlyReads(input: number): boolean {
    const uses = this.#op.mounts.filter(mount => mount.input === input);
    return uses.length > 0 && uses.every(isOnlyRead);
  }

  async content(inputKeys: readonly string[]): Promise<string[]> {
    return Promise.all(
      inputKeys.map(async (key, input) => {
        if (!this.onlyReads(input)) return key;
        const { digest, index } = this.#vertex.inputs[input] as { digest: `sha256:${string}`; index: number };
        const tree = await this.#context.step(digest).tree(index);
        const paths = this.#op.mounts.filter(mount => mount.input === input).map(selectorOf);
        const digests = paths.map(path => tree.contentDigest(bytesFromText(path), { follow: true }));
        return (await Promise.all(digests)).join(' ');
      }),
    );
  }

  async run(inputs: readonly Output[], reporter: Reporter): Promise<WorkResult> {
    const mounts = await prepareMounts(this.#vertex, this.#op, inputs, this.#context);
    try {
      await this.#execute(mounts, reporter);
      return { outputs: mounts.commit(), cacheable: mounts.cacheable };
    } finally {
      mounts.release();
    }
  }

  async #execute(mounts: PreparedMounts, reporter: Reporter): Promise<void> {
    const { services } = this.#context;
    const { meta, network, security } = this.#op;
    const sandbox = await services.sandbox();
    this.#tellNotice(reporter);
    const view = services.layers.view(mounts.rootFs);
    const user = resolveUser(view, meta.user);
    const devices = await this.#devices(reporter);
    const env = this.#environment(user.home, mounts.env, devices?.env ?? []);
    const { requireRunnable } = await import('../sandbox/emulation.ts');
    await requireRunnable(
      view,
      { args: meta.args, env, cwd: meta.cwd || '/', mounted: mounts.mounts.map(({ target }) => target) },
      services.store.path('ingest'),
    );
    const { code, outOfMemory } = await sandbox.run({
      layers: services.layers.mountDirs(mounts.rootFs),
      view,
      ...(mounts.rootDraft !== undefined && { upper: upperOf(mounts.rootDraft) }),
      mounts: [...services.ambient.mounts, ...mounts.mounts],
      args: meta.args,
      ...(devices !== undefined && { devices }),
      env,
      cwd: meta.cwd || '/',
      user: {
        uid: user.uid,
        gid: user.gid,
        additionalGids: [...user.additionalGids, ...(devices?.additionalGids ?? [])],
      },
      network: network === 'none' ? 'none' : 'host',
      hostname: meta.hostname || 'buildkitsandbox',
      extraHosts: meta.extraHosts.map(({ host, ip }) => [host, ip]),
      security,
      ...(meta.ulimits.length > 0 && { ulimits: meta.ulimits }),
      ...(meta.cgroupParent !== '' && { cgroupParent: meta.cgroupParent }),
      stdio: (stream, data) => reporter.log(stream, data),
      signal: services.signal,
    });
    const expected = meta.validExitCodes.length === 0 ? [0] : meta.validExitCodes;
    if (expected.includes(code)) return;
    throw new StagecraftError(
      'build',
      `process ${JSON.stringify(meta.args.join(' '))} did not complete successfully: exit code: ${code}`,
      { exitCode: code, ...(outOfMemory && { hint: 'The kernel ended it because memory ran out.' }) },
    );
  }

  /** Once in a build: at the first step that runs. */
  #tellNotice(reporter: Reporter): void {
    const { ambient } = this.#context.services;
    if (ambient.notice === undefined || told.has(ambient)) return;
    told.add(ambient);
    reporter.warn(ambient.notice.message, ambient.notice.detail);
  }

  /** What the devices of the step change. */
  async #devices(reporter: Reporter): Promise<DeviceEdits | undefined> {
    const names: string[] = [];
    for (const { name, optional } of this.#op.cdiDevices)
      if (optional)
        reporter.warn(`The device ${name} is not registered here: the step runs without it.`, absentDevice);
      else names.push(name);
    if (names.length === 0) return undefined;
    const { editsOf } = await import('../cdi/registry.ts');
    const { devices } = await this.#context.services.devices();
    return editsOf(names.flatMap(name => devices.find(device => device.name === name) ?? []));
  }

  /** The operation's variables, and those that this run adds and no key knows. */
  #environment(home: string, secrets: readonly string[], devices: readonly string[]): string[] {
    const { env, proxyEnv } = this.#op.meta;
    const known = new Set(env.map(nameOf));
    const added: string[] = [];
    if (!known.has('PATH')) added.push(defaultPath);
    if (!known.has('HOME')) added.push(`HOME=${home}`);
    if (proxyEnv !== undefined) {
      for (const [field, name] of proxyNames) {
        const value = proxyEnv[field];
        if (value === '') continue;
        for (const each of [name, name.toLowerCase()]) if (!known.has(each)) added.push(`${each}=${value}`);
      }
    }
    const ambient = this.#context.services.ambient.env.filter(each => !known.has(nameOf(each)));
    const last = [...secrets, ...devices];
    const replaced = new Set(last.map(nameOf));
    return [...added, ...env, ...ambient].filter(each => !replaced.has(nameOf(each))).concat(last);
  }
}

const proxyNames = [
  ['httpProxy', 'HTTP_PROXY'],
  ['httpsProxy', 'HTTPS_PROXY'],
  ['ftpProxy', 'FTP_PROXY'],
  ['noProxy', 'NO_PROXY'],
  ['allProxy', 'ALL_PROXY'],
] as const;

function nameOf(variable: string): string {
  return variable.slice(0, variable.indexOf('='));
}

function upperOf(draft: DraftLayer): { dir: string; workDir: string } {
  return { dir: draft.dir, workDir: draft.workDir };
}

/** Nothing that the process writes there is in any result. */
function isOnlyRead({ type, readonly, output, dest, contentCache }: Mount): boolean {
  const isDropped = readonly || output < 0;
  return (type === 'bind' || type === 'cache') && isDropped && dest !== '/' && contentCache !== 'off';
}
