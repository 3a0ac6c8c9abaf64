import { expandWords } from '../../dockerfile/expand.ts';
import type { Dockerfile, ExposeInstruction } from '../../dockerfile/types.ts';
import { buildkitPage } from '../pages.ts';
import { replacement } from '../places.ts';
import type { Fix, PlanSubject, Rule } from '../types.ts';

export const exposeProtoCasing: Rule<PlanSubject> = {
  name: 'ExposeProtoCasing',
  description: 'Protocol in EXPOSE instruction should be lowercase',
  url: buildkitPage('ExposeProtoCasing'),
  level: 'warning',
  check(subject, report) {
    for (const { instruction, word, protocol, onBuild } of portsOf(subject)) {
      if (protocol === protocol.toLowerCase()) continue;
      report({
        message: `Defined protocol '${word}' in EXPOSE instruction should be lowercase`,
        range: instruction.range,
        fix: onBuild
          ? undefined
          : rewrite(
              subject.file,
              instruction,
              word,
              word.slice(0, -protocol.length) + protocol.toLowerCase(),
            ),
      });
    }
  },
};

export const exposeInvalidFormat: Rule<PlanSubject> = {
  name: 'ExposeInvalidFormat',
  description:
    'IP address and host-port mapping should not be used in EXPOSE instruction. This will become an error in a future release',
  url: buildkitPage('ExposeInvalidFormat'),
  level: 'warning',
  check(subject, report) {
    for (const { instruction, word, isMapped, onBuild } of portsOf(subject)) {
      if (!isMapped) continue;
      report({
        message: `EXPOSE instruction should not define an IP address or host-port mapping, found '${word}'`,
        range: instruction.range,
        fix: onBuild
          ? undefined
          : rewrite(subject.file, instruction, word, word.slice(word.lastIndexOf(':') + 1)),
      });
    }
  },
};

interface Port {
  readonly instruction: ExposeInstruction;
  readonly word: string;
  readonly protocol: string;
  /** True with an address or a port of the host before it. */
  readonly isMapped: boolean;
  /** Written in another file. */
  readonly onBuild: boolean;
}

function* portsOf({ file, stages }: PlanSubject): Iterable<Port> {
  for (const { known, onBuild } of stages.flatMap(stage => stage.steps)) {
    if (known?.instruction.kind !== 'EXPOSE') continue;
    const { instruction, env } = known;
    for (const word of instruction.ports.flatMap(port => expandWords(port, env, { escape: file.escape }))) {
      const parts = word.split(':');
      const [, protocol = ''] = /\/(.*)$/s.exec(parts.at(-1)!) ?? [];
      yield { instruction, word, protocol, isMapped: parts.slice(0, -1).some(part => part !== ''), onBuild };
    }
  }
}

/** Only where the word is written as it is, without variables. */
function rewrite(
  file: Dockerfile,
  instruction: ExposeInstruction,
  word: string,
  text: string,
): Fix | undefined {
  const place = instruction.operands.find(operand => operand.text === word);
  const edit = place && replacement(file, place.range, word, text);
  return edit && { title: `Write ${text}`, edits: [edit] };
}
