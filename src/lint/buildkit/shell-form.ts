import type { CmdInstruction, Dockerfile, EntrypointInstruction } from '../../dockerfile/types.ts';
import type { StagePlan } from '../../frontend/stage-plan.ts';
import { buildkitPage } from '../pages.ts';
import { replacement } from '../places.ts';
import type { Fix, PlanSubject, Rule } from '../types.ts';

export const jsonArgsRecommended: Rule<PlanSubject> = {
  name: 'JSONArgsRecommended',
  description:
    'JSON arguments recommended for ENTRYPOINT/CMD to prevent unintended behavior related to OS signals',
  url: buildkitPage('JSONArgsRecommended'),
  level: 'warning',
  check({ file, stages }, report) {
    for (const stage of stages)
      for (const { known, onBuild } of stage.steps) {
        if (known === undefined || (known.shell ?? []).length > 0) continue;
        const { instruction } = known;
        if (instruction.kind !== 'CMD' && instruction.kind !== 'ENTRYPOINT') continue;
        if (instruction.command.form !== 'shell') continue;
        report({
          message: `JSON arguments recommended for ${instruction.keyword} to prevent unintended behavior related to OS signals`,
          range: instruction.range,
          fix: onBuild ? undefined : asArray(file, stage, instruction),
        });
      }
  },
};

/** Words that a shell takes as they are, and of which the first is no part of the shell's own language. */
const plainWords = /^[\w@%+:,./-]+(?: +[\w@%+=:,./-]+)*$/;
const ofTheShell =
  /^(?:\.|:|alias|bg|cd|command|eval|exec|exit|export|fg|hash|jobs|local|read|readonly|return|set|shift|source|time|times|trap|type|ulimit|umask|unalias|unset|wait|case|do|done|elif|else|esac|fi|for|function|if|in|select|then|until|while)$/;

/**
 * An array of the same words, where the two mean the same: nothing for the shell to do, and no other instruction that
 * an array would begin to combine with.
 */
function asArray(
  file: Dockerfile,
  stage: StagePlan,
  instruction: CmdInstruction | EntrypointInstruction,
): Fix | undefined {
  const { command, kind, operands } = instruction;
  const text = command.form === 'shell' ? command.text : '';
  const words = text.split(/ +/);
  const [operand] = operands;
  if (operand === undefined || !plainWords.test(text) || ofTheShell.test(words[0]!)) return undefined;
  if (!stage.isBaseKnown || stage.platform?.os === 'windows' || hasPartner(file, stage, kind))
    return undefined;
  const edit = replacement(
    file,
    operand.range,
    text,
    `[${words.map(word => JSON.stringify(word)).join(', ')}]`,
  );
  return edit && { title: 'Write it as an array, so that it runs without a shell', edits: [edit] };
}

/** ENTRYPOINT for a CMD and the reverse, also one that a base image brings or a later stage adds. */
function hasPartner(file: Dockerfile, stage: StagePlan, kind: 'CMD' | 'ENTRYPOINT'): boolean {
  const partner = kind === 'CMD' ? 'ENTRYPOINT' : 'CMD';
  const inFile = file.stages.some(({ instructions }) => instructions.some(each => each.kind === partner));
  const { Entrypoint = [], Cmd = [] } = stage.image.config ?? {};
  return inFile || (kind === 'CMD' ? Entrypoint : Cmd).length > 0;
}
