import type {
  ArgInstruction,
  CommandLine,
  EnvInstruction,
  HealthcheckInstruction,
  LabelInstruction,
  VolumeInstruction,
} from '../dockerfile/types.ts';
import type { Healthcheck } from '../image/types.ts';
import { StagecraftError } from '../util/errors.ts';
import { goDuration, goList, goQuoteList } from '../util/go-text.ts';
import { builderArgs } from './arguments.ts';
import { ownMembers, setMember, setVariable } from './growing-config.ts';
import { addHistory } from './history.ts';
import { configure, withShell } from './images.ts';
import type { Planner } from './planner.ts';
import { parsePorts } from './ports.ts';
import { isSignal } from './signals.ts';
import type { StagePlan } from './stage-plan.ts';

// Instructions that change nothing but the image's config. Each leaves an entry without layer in the history.

export function planEnv(planner: Planner, stage: StagePlan, instruction: EnvInstruction): void {
  let text = 'ENV';
  for (const { key, value } of instruction.pairs) {
    text += ` ${key}=${value}`;
    stage.env = stage.env.set(key, value);
    setVariable(stage, key, value);
  }
  addHistory(planner, stage, text, false);
}

/**
 * A build argument: the value of `--build-arg`, else its default, else that of an ARG of the same name before the
 * first FROM. Known to the instructions that follow, never to the image.
 * @param expand the value of a default
 */
export function planArg(
  planner: Planner,
  stage: StagePlan,
  instruction: ArgInstruction,
  expand: (word: string) => string,
): void {
  const texts = [];
  for (const arg of instruction.args) {
    const given = planner.buildArgs.get(arg.key);
    const own = given === undefined && arg.value !== undefined ? expand(arg.value) : undefined;
    const value = given ?? own ?? planner.globalArgs.get(arg.key);
    if (value !== undefined && !builderArgs.has(arg.key)) stage.env = stage.env.set(arg.key, value);
    stage.buildArgs.push({ key: arg.key, value });
    texts.push(value === undefined ? arg.key : `${arg.key}=${value}`);
  }
  addHistory(planner, stage, `ARG ${texts.join(' ')}`, false);
}

export function planLabel(planner: Planner, stage: StagePlan, instruction: LabelInstruction): void {
  const labels = ownMembers(stage, 'Labels');
  let text = 'LABEL';
  for (const { key, value } of instruction.pairs) {
    setMember(labels, key, value);
    text += ` ${key}=${value}`;
  }
  addHistory(planner, stage, text, false);
}

export function planCmd(planner: Planner, stage: StagePlan, command: CommandLine): void {
  const args = argsOf(stage, command);
  // ArgsEscaped tells old engines not to quote once more.
  stage.image = configure(stage.image, { Cmd: args, ArgsEscaped: true });
  stage.hasCmd = true;
  addHistory(planner, stage, `CMD ${goQuoteList(args)}`, false);
}

/** Takes away a CMD of the base, which was meant for its own entry point, but not one of this stage. */
export function planEntrypoint(planner: Planner, stage: StagePlan, command: CommandLine): void {
  const args = argsOf(stage, command);
  stage.image = configure(stage.image, { Entrypoint: args, ...(!stage.hasCmd && { Cmd: undefined }) });
  addHistory(planner, stage, `ENTRYPOINT ${goQuoteList(args)}`, false);
}

function argsOf(stage: StagePlan, command: CommandLine): string[] {
  return command.form === 'exec' ? [...command.args] : withShell(stage.image, command.text);
}

export function planHealthcheck(planner: Planner, stage: StagePlan, check: HealthcheckInstruction): void {
  const config: Healthcheck = {
    Test: [...check.test],
    ...(check.interval && { Interval: check.interval }),
    ...(check.timeout && { Timeout: check.timeout }),
    ...(check.startPeriod && { StartPeriod: check.startPeriod }),
    ...(check.startInterval && { StartInterval: check.startInterval }),
    ...(check.retries && { Retries: check.retries }),
  };
  stage.image = configure(stage.image, { Healthcheck: config });
  const times = [
    `Test:${goList(check.test)}`,
    `Interval:${goDuration(check.interval ?? 0)}`,
    `Timeout:${goDuration(check.timeout ?? 0)}`,
    `StartPeriod:${goDuration(check.startPeriod ?? 0)}`,
    `StartInterval:${goDuration(check.startInterval ?? 0)}`,
    `Retries:${check.retries ?? 0}`,
  ];
  addHistory(planner, stage, `HEALTHCHECK {${times.join(' ')}}`, false);
}

/** What a port counts for in the budget: it is a member of the config, too. */
const charactersOfPort = 50;

export function planExpose(planner: Planner, stage: StagePlan, words: readonly string[]): void {
  const ports = words.flatMap(word => {
    const named = parsePorts(word);
    planner.budget.spend(named.length * charactersOfPort);
    return named;
  });
  const exposed = ownMembers(stage, 'ExposedPorts');
  for (const port of ports) exposed[port] = {};
  addHistory(planner, stage, `EXPOSE ${goList(ports)}`, false);
}

export function planUser(planner: Planner, stage: StagePlan, user: string): void {
  stage.user = user;
  stage.image = configure(stage.image, { User: user });
  addHistory(planner, stage, `USER ${user}`, false);
}

export function planVolume(planner: Planner, stage: StagePlan, instruction: VolumeInstruction): void {
  const volumes = ownMembers(stage, 'Volumes');
  for (const volume of instruction.volumes) {
    if (volume === '') {
      throw new StagecraftError('dockerfile', 'VOLUME has an empty path.', {
        hint: 'A variable in it may be unset.',
      });
    }
    setMember(volumes, volume, {});
  }
  addHistory(planner, stage, `VOLUME ${goList(instruction.volumes)}`, false);
}

export function planStopSignal(planner: Planner, stage: StagePlan, signal: string): void {
  if (!isSignal(signal)) {
    throw new StagecraftError('dockerfile', `STOPSIGNAL names no signal: "${signal}".`, {
      hint: 'Write a name such as SIGTERM, or a number.',
    });
  }
  stage.image = configure(stage.image, { StopSignal: signal });
  addHistory(planner, stage, `STOPSIGNAL ${signal}`, false);
}

export function planShell(planner: Planner, stage: StagePlan, shell: readonly string[]): void {
  stage.image = configure(stage.image, { Shell: [...shell] });
  addHistory(planner, stage, `SHELL ${goList(shell)}`, false);
}

/** Kept for images made from this one; it leaves no entry in the history. */
export function planOnBuild(stage: StagePlan, trigger: string): void {
  stage.image = configure(stage.image, { OnBuild: [...(stage.image.config?.OnBuild ?? []), trigger] });
}

export function planMaintainer(planner: Planner, stage: StagePlan, maintainer: string): void {
  stage.image = { ...stage.image, author: maintainer };
  addHistory(planner, stage, `MAINTAINER ${maintainer}`, false);
}
