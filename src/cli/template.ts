import { StagecraftError } from '../util/errors.ts';

type Word = { path: string[] } | { literal: string | number } | { name: string };

/**
 * Fills a template in the part of Go's template language that scripts use with Docker: `{{.Field.Inner}}`,
 * `{{json .Field}}` and `{{index .Field KEY}}`. Values are printed as Go prints them.
 * @throws StagecraftError `usage` for anything else
 */
export function fillTemplate(template: string, data: unknown): string {
  return template.replace(/\{\{-?\s*(.*?)\s*-?\}\}/gs, (_, action: string) => {
    const [first, ...rest] = readWords(action);
    if (first && 'path' in first && rest.length === 0) return print(follow(data, first.path));
    const operands = rest.map(word => {
      if ('path' in word) return follow(data, word.path);
      if ('literal' in word) return word.literal;
      throw misunderstood(action);
    });
    if (first && 'name' in first && first.name === 'json' && operands.length === 1)
      return JSON.stringify(operands[0] ?? null);
    if (first && 'name' in first && first.name === 'index' && operands.length > 1)
      return print(follow(operands[0], operands.slice(1) as (string | number)[]));
    throw misunderstood(action);
  });
}

function readWords(action: string): Word[] {
  const words = action.match(/"(?:[^"\\]|\\.)*"|[^\s"]+/g) ?? [];
  return words.map((word): Word => {
    if (word.startsWith('"')) return { literal: JSON.parse(word) as string };
    if (/^\d+$/.test(word)) return { literal: Number(word) };
    if (/^(\.|(\.\w+)+)$/.test(word)) return { path: word.split('.').filter(part => part !== '') };
    if (/^\w+$/.test(word)) return { name: word };
    throw misunderstood(action);
  });
}

function follow(data: unknown, path: readonly (string | number)[]): unknown {
  let value = data;
  for (const part of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, part)) return undefined;
    value = (value as Record<string | number, unknown>)[part];
  }
  return value;
}

function print(value: unknown): string {
  if (value === undefined || value === null) return '<no value>';
  if (Array.isArray(value)) return `[${value.map(print).join(' ')}]`;
  if (typeof value !== 'object') return String(value);
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `map[${entries.map(([key, inner]) => `${key}:${print(inner)}`).join(' ')}]`;
}

function misunderstood(action: string): StagecraftError {
  return new StagecraftError('usage', `The format has {{${action}}}, which cannot be understood.`, {
    hint: 'It may have {{.Field}}, {{json .Field}} and {{index .Field "key"}}, or be the word json.',
  });
}
