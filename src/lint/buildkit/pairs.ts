import type { Dockerfile, KeyValue } from '../../dockerfile/types.ts';
import { goQuote } from '../../util/go-text.ts';
import { buildkitPage } from '../pages.ts';
import { textAt } from '../places.ts';
import type { Edit, Rule, SyntaxSubject } from '../types.ts';

export const legacyKeyValueFormat: Rule<SyntaxSubject> = {
  name: 'LegacyKeyValueFormat',
  description: 'Legacy key/value format with whitespace separator should not be used',
  url: buildkitPage('LegacyKeyValueFormat'),
  level: 'warning',
  check({ file, steps }, report) {
    for (const { instruction } of steps.flat()) {
      if (instruction.kind !== 'ENV' && instruction.kind !== 'LABEL') continue;
      const { keyword, range, pairs } = instruction;
      for (const pair of pairs) {
        if (!pair.legacy) continue;
        const edit = asPair(file, pair);
        report({
          message: `"${keyword} key=value" should be used instead of legacy "${keyword} key value" format`,
          range,
          fix: edit && { title: `Write ${pair.key}=`, edits: [edit] },
        });
      }
    }
  },
};

/** The same pair with `=`; nothing where quotes, escapes or nested words would then be read otherwise. */
function asPair(file: Dockerfile, { key, value, range }: KeyValue): Edit | undefined {
  if (!/^[\w./-]+$/.test(key) || !/^[^"'\\`{}]+$/.test(value)) return undefined;
  const written = textAt(file, range);
  if (written === undefined || !written.startsWith(key) || written.slice(key.length).trim() !== value)
    return undefined;
  return { range, text: /\s/.test(value) ? `${key}="${value}"` : `${key}=${value}` };
}

const secret = /(?:_|^)(?:apikey|auth|credential|credentials|key|password|pword|passwd|secret|token)(?:_|$)/i;
const harmless = /(?:_|^)(?:public|file|version)(?:_|$)/i;

export const secretsUsedInArgOrEnv: Rule<SyntaxSubject> = {
  name: 'SecretsUsedInArgOrEnv',
  description: 'Sensitive data should not be used in the ARG or ENV commands',
  url: buildkitPage('SecretsUsedInArgOrEnv'),
  level: 'warning',
  check({ steps }, report) {
    for (const { instruction: written, known } of steps.flat()) {
      // What a variable makes of a key counts.
      const instruction = known?.instruction ?? written;
      const { kind, range } = instruction;
      const pairs: readonly { key: string }[] =
        kind === 'ARG' ? instruction.args : kind === 'ENV' ? instruction.pairs : [];
      for (const { key } of pairs)
        if (secret.test(key) && !harmless.test(key))
          report({
            message: `Do not use ARG or ENV instructions for sensitive data (${kind} ${goQuote(key)})`,
            range,
          });
    }
  },
};
