import { fail } from './fail.ts';
import { type FlagKind, FlagValues } from './flags.ts';
import { asHeredocMarker } from './heredoc.ts';
import { baseOf, type Statement } from './statement.ts';
import type { AddInstruction, CopyInstruction, Heredoc, InlineFile } from './types.ts';

const commonFlags = {
  chown: 'string',
  chmod: 'string',
  link: 'bool',
  exclude: 'list',
} as const satisfies Record<string, FlagKind>;

export function buildCopy(statement: Statement): CopyInstruction {
  const flags = new FlagValues(statement.flags, { from: 'string', ...commonFlags, parents: 'bool' });
  return {
    ...baseOf(statement, 'COPY'),
    ...transferOf(statement, flags),
    from: flags.text('from'),
    parents: flags.bool('parents') ?? false,
  };
}

export function buildAdd(statement: Statement): AddInstruction {
  const flags = new FlagValues(statement.flags, {
    ...commonFlags,
    checksum: 'string',
    'keep-git-dir': 'bool',
    unpack: 'bool',
  });
  return {
    ...baseOf(statement, 'ADD'),
    ...transferOf(statement, flags),
    checksum: flags.text('checksum'),
    keepGitDir: flags.bool('keep-git-dir'),
    unpack: flags.bool('unpack'),
  };
}

/** What `COPY` and `ADD` have in common. */
function transferOf(statement: Statement, flags: FlagValues) {
  const { kind, operands, heredocs, line, range } = statement;
  const destination = operands.at(-1);
  if (!destination || operands.length < 2)
    fail(`${kind} needs at least a source and a destination.`, range, `Write ${kind} SOURCE... DESTINATION.`);
  if (asHeredocMarker(destination.text))
    fail(`${kind} cannot have a here-document as its destination.`, line.range(destination));
  const sources: string[] = [];
  const inlineFiles: InlineFile[] = [];
  for (const { text } of operands.slice(0, -1)) {
    const marker = asHeredocMarker(text);
    if (!marker) sources.push(text);
    else inlineFiles.push(inlineFile(marker.name, marker.expand, heredocs));
  }
  return {
    sources,
    inlineFiles,
    destination: destination.text,
    heredocs,
    chown: flags.text('chown'),
    chmod: flags.text('chmod'),
    link: flags.bool('link') ?? false,
    exclude: flags.list('exclude').map(({ value }) => value!),
  };
}

function inlineFile(name: string, expand: boolean, heredocs: readonly Heredoc[]): InlineFile {
  const document = heredocs.findLast(heredoc => heredoc.name === name);
  return { name, content: document?.body ?? '', expand, bytes: document?.bytes };
}
