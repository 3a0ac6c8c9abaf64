import { lineRanges } from '../util/line-ranges.ts';
import { table } from './columns.ts';
import type { Outline, OutlineMount } from './outline.ts';

/** The JSON of `--call=outline,format=json`, as BuildKit's `frontend.outline` gives it. */
export function outlineJson(
  { name, description, args, secrets, ssh }: Outline,
  dockerfile: Uint8Array,
): object {
  const mounts = (all: readonly OutlineMount[]): object[] =>
    all.map(({ name, required, range }) => ({
      name,
      ...(required && { required }),
      location: { ranges: lineRanges(range) },
    }));
  return {
    ...(name && { name }),
    ...(description && { description }),
    ...(args.length > 0 && {
      args: args.map(({ name, description, value, range }) => ({
        name,
        ...(description && { description }),
        ...(value && { value }),
        location: { ranges: lineRanges(range) },
      })),
    }),
    ...(secrets.length > 0 && { secrets: mounts(secrets) }),
    ...(ssh.length > 0 && { ssh: mounts(ssh) }),
    sources: [Buffer.from(dockerfile).toString('base64')],
  };
}

/** The text of `--call=outline`. */
export function outlineText({ name, description, args, secrets, ssh }: Outline): string {
  const sections: string[] = [];
  if (name || description)
    sections.push(
      table([['TARGET:', name || '(default)'], ...(description ? [['DESCRIPTION:', description]] : [])], 1),
    );
  if (args.length > 0)
    sections.push(
      table([
        ['BUILD ARG', 'VALUE', 'DESCRIPTION'],
        ...args.map(arg => [arg.name, arg.value ?? '', arg.description ?? '']),
      ]),
    );
  const mounts = (title: string, all: readonly OutlineMount[]): void => {
    const rows = all.map(({ name, required }) => [name, required ? 'true' : '']);
    if (rows.length > 0) sections.push(table([[title, 'REQUIRED'], ...rows]));
  };
  mounts('SECRET', secrets);
  mounts('SSH', ssh);
  return sections.map(section => `${section}\n`).join('');
}
