import { posix } from 'node:path';
import type { ArgDeclaration, ArgInstruction, Dockerfile, Mount } from '../dockerfile/types.ts';
import type { SourceRange } from '../util/errors.ts';
import { predefinedArgs } from './arguments.ts';
import { expandWord } from './expander.ts';
import type { DockerfilePlan } from './plan.ts';
import type { StagePlan } from './stage-plan.ts';
import type { FrontendRequest } from './types.ts';

/** What a build of the target can be given: BuildKit's `frontend.outline`. Everything in the order of the file. */
export interface Outline {
  readonly name: string | undefined;
  readonly description: string | undefined;
  readonly args: readonly OutlineArg[];
  readonly secrets: readonly OutlineMount[];
  readonly ssh: readonly OutlineMount[];
}

export interface OutlineArg {
  readonly name: string;
  readonly description: string | undefined;
  /** What it would be in this build. */
  readonly value: string | undefined;
  readonly range: SourceRange;
}

export interface OutlineMount {
  readonly name: string;
  readonly required: boolean;
  readonly range: SourceRange;
}

/** The build arguments, secrets and SSH agents that the target and what it needs make use of. */
export function outlineOf(request: FrontendRequest, { file, target, globalArgs }: DockerfilePlan): Outline {
  const metaArgs = metaArgsOf(request, file);
  const found = { args: new Map<string, OutlineArg>(), secrets: new Map(), ssh: new Map() } as Found;
  const visit = (stage: StagePlan, seen: Set<StagePlan>): void => {
    if (seen.has(stage)) return;
    seen.add(stage);
    for (const arg of argsOf(request, file, stage, globalArgs, metaArgs)) add(found.args, arg);
    for (const { known, instruction } of stage.steps)
      for (const mount of known?.mounts ?? []) addMount(found, mount, instruction.range);
    if (stage.base !== undefined) visit(stage.base, seen);
    for (const next of stage.dependencies) visit(next, seen);
  };
  visit(target, new Set());
  return {
    name: target.name,
    description: target.stage?.comment,
    args: inOrder(found.args),
    secrets: inOrder(found.secrets),
    ssh: inOrder(found.ssh),
  };
}

interface Found {
  readonly args: Map<string, OutlineArg>;
  readonly secrets: Map<string, OutlineMount>;
  readonly ssh: Map<string, OutlineMount>;
}

/** The first of a name stays. */
function add<T extends { name: string }>(found: Map<string, T>, entry: T): void {
  if (!found.has(entry.name)) found.set(entry.name, entry);
}

function inOrder<T extends { range: SourceRange }>(found: ReadonlyMap<string, T>): T[] {
  return [...found.values()].sort((a, b) => a.range.start.line - b.range.start.line);
}

function addMount(found: Found, mount: Mount, range: SourceRange): void {
  const { type, id, target, required } = mount;
  if (type === 'secret') add(found.secrets, { name: id || posix.basename(target), required, range });
  if (type === 'ssh') add(found.ssh, { name: id || 'default', required, range });
}

/** An ARG above the first FROM, and those that its default uses. */
interface MetaArg extends OutlineArg {
  readonly uses: ReadonlySet<string>;
}

function metaArgsOf(request: FrontendRequest, file: Dockerfile): Map<string, MetaArg> {
  let env = predefinedArgs(request, request.target ?? '');
  const all = new Map<string, MetaArg>();
  for (const { instruction, arg } of declarations(file.metaArgs)) {
    const given = request.buildArgs.get(arg.key);
    const own = given === undefined && arg.value !== undefined ? expandWord(file, arg.value, env) : undefined;
    const value = given ?? own?.result;
    if (value !== undefined) env = env.set(arg.key, value);
    const uses = new Set(own?.used);
    // A default may build on what an ARG of the same name had before.
    if (uses.delete(arg.key)) for (const name of all.get(arg.key)?.uses ?? []) uses.add(name);
    all.set(arg.key, { ...described(instruction, arg), value, uses });
  }
  return all;
}

/** The arguments that a stage uses: in its FROM, by its ARGs, and by defaults of these. */
function argsOf(
  request: FrontendRequest,
  file: Dockerfile,
  plan: StagePlan,
  globalArgs: DockerfilePlan['globalArgs'],
  metaArgs: ReadonlyMap<string, MetaArg>,
): OutlineArg[] {
  const { stage, steps } = plan;
  if (stage === undefined || plan.replacement !== undefined) return [];
  const used = new Set<string>();
  for (const word of [stage.baseName, stage.platform ?? ''])
    for (const name of expandWord(file, word, globalArgs).used) used.add(name);
  const own = new Map<string, OutlineArg>();
  const instructions = steps.flatMap(({ instruction }) => (instruction.kind === 'ARG' ? [instruction] : []));
  const declared = [...declarations(instructions)];
  // Its own are the last ones: those of its base stage come before.
  const values = plan.buildArgs.slice(plan.buildArgs.length - declared.length);
  for (const [index, { instruction, arg }] of declared.entries()) {
    used.add(arg.key);
    const isInherited =
      arg.value === undefined && !request.buildArgs.has(arg.key) && globalArgs.get(arg.key) !== undefined;
    if (!isInherited) own.set(arg.key, { ...described(instruction, arg), value: values[index]?.value });
  }
  const open = [...used];
  for (let name = open.pop(); name !== undefined; name = open.pop()) {
    if (own.has(name)) continue;
    for (const next of metaArgs.get(name)?.uses ?? [])
      if (!used.has(next)) {
        used.add(next);
        open.push(next);
      }
  }
  return [...used].flatMap(name => own.get(name) ?? metaArgs.get(name) ?? []);
}

function* declarations(
  instructions: readonly ArgInstruction[],
): Iterable<{ instruction: ArgInstruction; arg: ArgDeclaration }> {
  for (const instruction of instructions) for (const arg of instruction.args) yield { instruction, arg };
}

function described({ range }: ArgInstruction, { key, comment }: ArgDeclaration): Omit<OutlineArg, 'value'> {
  return { name: key, description: comment, range };
}
