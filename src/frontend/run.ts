import { posix } from 'node:path';
import type { Mount, RunInstruction } from '../dockerfile/types.ts';
import { type ExecMount, type ExecSpec, exec, file } from '../llb/index.ts';
import { StagecraftError } from '../util/errors.ts';
import { addHistory, argumentPrefix } from './history.ts';
import { withShell } from './images.ts';
import { planMounts } from './mounts.ts';
import { type Planner, platformFor } from './planner.ts';
import type { StagePlan } from './stage-plan.ts';
import { stepName } from './step-name.ts';

const scriptDirectory = '/dev/pipes/';

/**
 * @param mounts the instruction's mounts, expanded, and the stages or images that they read from
 * @param shown the instruction as progress shows it
 */
export function planRun(
  planner: Planner,
  stage: StagePlan,
  instruction: RunInstruction,
  mounts: readonly Mount[],
  sources: readonly (StagePlan | undefined)[],
  shown: () => string,
): void {
  const { request, budget } = planner;
  // A process may read any file.
  stage.usedPaths.add('/');
  const { args, script } = commandOf(stage, instruction);
  if (args.length === 0) {
    throw new StagecraftError('dockerfile', 'RUN has an empty list of arguments.', {
      hint: 'Name the program to run: RUN ["program", "argument"].',
    });
  }
  const platform = platformFor(planner, stage);
  const planned = planMounts(planner, stage, mounts, sources);
  const historyText = `RUN ${argumentPrefix(stage)}${args.join(' ')} # buildkit`;
  const { env } = stage;
  budget.spend(env.characters);
  const spec: ExecSpec = {
    root: stage.tree,
    args,
    // Thousands of steps with thousands of variables each would else hold as many lists.
    env: () => env.list(),
    cwd: stage.cwd,
    user: stage.user,
    hostname: planner.buildArgs.get('BUILDKIT_SANDBOX_HOSTNAME') || request.hostname,
    proxyEnv: planner.proxyEnv,
    mounts: [...script, ...planned.mounts, ...sharedMemory(request.shmSize)],
    secrets: planned.secrets,
    secretEnv: planned.secretEnv,
    ssh: planned.ssh,
    network: networkOf(instruction.network === 'default' ? request.networkMode : instruction.network),
    security: instruction.security,
    extraHosts: request.extraHosts.map(([host, ip]) => ({ host, ip })),
    ulimits: request.ulimits ?? [],
    cgroupParent: request.cgroupParent,
    cdiDevices: instruction.devices.map(device => ({ name: device.name, optional: !device.required })),
  };
  stage.tree = exec(spec, {
    platform,
    name: stepName(stage, shown(), { shown: request.multiPlatform ?? false, of: platform, env: stage.env }),
    range: instruction.range,
    description: { 'com.docker.dockerfile.v1.command': instruction.original },
    ...(stage.ignoreCache && { ignoreCache: true }),
  }).root;
  addHistory(planner, stage, historyText, true);
}

function networkOf(mode: 'default' | 'none' | 'host'): 'sandbox' | 'none' | 'host' {
  return mode === 'default' ? 'sandbox' : mode;
}

function sharedMemory(size: number | undefined): ExecMount[] {
  return size ? [{ target: '/dev/shm', tmpfs: { size } }] : [];
}

/** The words of the process, and the file that they run where the here-document is a script of its own. */
function commandOf(stage: StagePlan, instruction: RunInstruction): { args: string[]; script: ExecMount[] } {
  const { command } = instruction;
  if (command.form === 'exec' && instruction.style === 'command')
    return { args: [...command.args], script: [] };
  const text = instruction.shellText ?? (command.form === 'shell' ? command.text : '');
  const [document] = instruction.heredocs;
  if (instruction.style !== 'script' || document === undefined || !text.startsWith('#!')) {
    return { args: withShell(stage.image, text), script: [] };
  }
  const data = document.bytes ?? Buffer.from(text);
  const tree = file(undefined, [{ do: 'mkfile', path: document.name, mode: 0o755, data }], {
    name: '[internal] preparing inline document',
  });
  return {
    args: withShell(stage.image, posix.join(scriptDirectory, document.name)),
    script: [{ target: scriptDirectory, tree, selector: '/', readonly: true }],
  };
}

/** The first line of a here-document, as progress shows it after the instruction: ` (set -e...)`. */
export function summarizeScript(instruction: RunInstruction): string {
  const [document] = instruction.heredocs;
  if (instruction.style !== 'script' || document === undefined) return '';
  const lines = document.raw.trim().split(/\r?\n/);
  return ` (${lines[0]}${lines.length > 1 ? '...' : ''})`;
}
