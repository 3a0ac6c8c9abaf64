import type { StageInstruction } from '../dockerfile/types.ts';
import { normalizePlatform } from '../image/platform.ts';
import { StagecraftError } from '../util/errors.ts';
import {
  planArg,
  planCmd,
  planEntrypoint,
  planEnv,
  planExpose,
  planHealthcheck,
  planLabel,
  planMaintainer,
  planOnBuild,
  planShell,
  planStopSignal,
  planUser,
  planVolume,
} from './config-instructions.ts';
import { Env } from './env.ts';
import { Expander } from './expander.ts';
import { configure, defaultPath } from './images.ts';
import { at, type Planner } from './planner.ts';
import { planRun, summarizeScript } from './run.ts';
import type { PlannedStep, StagePlan } from './stage-plan.ts';
import { capitalizeKeyword } from './step-name.ts';
import { planTransfer } from './transfer.ts';
import { planWorkdir, setWorkingDirectory } from './workdir.ts';

/** Plans every instruction of the stage, on top of its base, which is planned already. */
export function planStage(planner: Planner, stage: StagePlan): void {
  if (stage.base !== undefined) stage.inherit(stage.base);
  stage.startFromBase();
  stage.platform = normalizePlatform(stage.platform ?? planner.targetPlatform);
  startFromConfig(stage);
  for (const step of stage.steps) {
    at(step.instruction.range, () => planStep(planner, stage, step));
    const line = step.onBuild ? undefined : step.instruction.range.start.line;
    while (stage.historyLines.length < stage.history.length) stage.historyLines.push(line);
  }
  stage.planned = true;
}

/** What the config of the base says holds for its first instruction. */
function startFromConfig(stage: StagePlan): void {
  const env = stage.image.config?.Env ?? [];
  if (Env.of(env).get('PATH') === undefined && stage.platform?.os !== 'windows') {
    stage.image = configure(stage.image, { Env: [...env, `PATH=${defaultPath}`] });
  }
  for (const [name, value] of Env.of(stage.image.config?.Env ?? []).entries()) {
    stage.env = stage.env.set(name, value);
  }
  if (stage.image.config?.WorkingDir) setWorkingDirectory(stage, stage.image.config.WorkingDir);
  if (stage.image.config?.User) stage.user = stage.image.config.User;
}

/** Replaces the instruction's variables, then plans it. */
function planStep(planner: Planner, stage: StagePlan, step: PlannedStep): void {
  const expander = new Expander(planner, stage, step.instruction);
  const onBuild = step.onBuild ? 'ONBUILD ' : '';
  const instruction = expander.instruction();
  const mounts = instruction.kind === 'RUN' ? instruction.mounts.map(flag => expander.mount(flag)) : [];
  step.known = {
    instruction,
    env: stage.env,
    cwd: stage.cwd,
    user: stage.user,
    shell: stage.image.config?.Shell,
    mounts,
    below: stage.tree,
  };
  if (instruction.kind === 'RUN') {
    const sources = step.sources.map(source => ready(stage, instruction, source));
    const masked = mounts.flatMap(mount => (mount.env === undefined ? [] : [mount.env]));
    const text = instruction.original + summarizeScript(instruction);
    const shown = () => onBuild + capitalizeKeyword(expander.shownRun(text, masked));
    planRun(planner, stage, instruction, mounts, sources, shown);
    return;
  }
  const shown = () => onBuild + capitalizeKeyword(expander.shown(instruction.original));
  if (instruction.kind === 'COPY' || instruction.kind === 'ADD') {
    planTransfer(planner, stage, instruction, ready(stage, instruction, step.sources[0]), shown);
  } else if (instruction.kind === 'WORKDIR') {
    planWorkdir(planner, stage, instruction.path, shown, instruction.range);
  } else {
    planConfig(planner, stage, instruction, expander);
  }
}

type ConfigInstruction = Exclude<StageInstruction, { kind: 'RUN' | 'COPY' | 'ADD' | 'WORKDIR' }>;

function planConfig(
  planner: Planner,
  stage: StagePlan,
  instruction: ConfigInstruction,
  expander: Expander,
): void {
  switch (instruction.kind) {
    case 'ENV':
      planEnv(planner, stage, instruction);
      break;
    case 'ARG':
      planArg(planner, stage, instruction, word => expander.word(word));
      break;
    case 'LABEL':
      planLabel(planner, stage, instruction);
      break;
    case 'CMD':
      planCmd(planner, stage, instruction.command);
      break;
    case 'ENTRYPOINT':
      planEntrypoint(planner, stage, instruction.command);
      break;
    case 'HEALTHCHECK':
      planHealthcheck(planner, stage, instruction);
      break;
    case 'EXPOSE':
      planExpose(
        planner,
        stage,
        instruction.ports.flatMap(port => expander.words(port)),
      );
      break;
    case 'USER':
      planUser(planner, stage, instruction.user);
      break;
    case 'VOLUME':
      planVolume(planner, stage, instruction);
      break;
    case 'STOPSIGNAL':
      planStopSignal(planner, stage, instruction.signal);
      break;
    case 'SHELL':
      planShell(planner, stage, instruction.shell);
      break;
    case 'ONBUILD':
      planOnBuild(stage, instruction.trigger);
      break;
    case 'MAINTAINER':
      planMaintainer(planner, stage, instruction.maintainer);
      break;
  }
}

/** @throws StagecraftError `dockerfile` for a stage that comes later */
function ready(
  stage: StagePlan,
  instruction: StageInstruction,
  source: StagePlan | undefined,
): StagePlan | undefined {
  if (source === undefined || source.planned) return source;
  throw new StagecraftError(
    'dockerfile',
    `${instruction.kind} in stage ${stage.title} uses stage ${source.title}, which is defined further down, at line ${source.range.start.line}.`,
    { hint: `A stage can only use stages above it. Move stage ${source.title} above stage ${stage.title}.` },
  );
}
