import type { KeyValue, StageInstruction } from './types.ts';

type Expand = (text: string) => string;

/**
 * An instruction with its variables replaced wherever the language replaces them; the others as they are. The values
 * of `RUN --mount` are left to `resolveMount`, since what they mean depends on them.
 *
 * @param word expands a word, see `expandWord`; EXPOSE is not expanded by it, but by `expandWords`
 * @param body expands the content of a here-document, see `expandHeredoc`
 */
export function expandInstruction<T extends StageInstruction>(instruction: T, word: Expand, body: Expand): T;
export function expandInstruction(
  instruction: StageInstruction,
  word: Expand,
  body: Expand,
): StageInstruction {
  const optional = (text: string | undefined) => (text === undefined ? undefined : word(text));
  switch (instruction.kind) {
    case 'ADD':
      return {
        ...instruction,
        ...expandTransfer(instruction, word, body),
        checksum: optional(instruction.checksum),
      };
    case 'COPY':
      return { ...instruction, ...expandTransfer(instruction, word, body) };
    case 'ARG':
      return {
        ...instruction,
        args: instruction.args.map(arg => ({ ...arg, key: word(arg.key), value: optional(arg.value) })),
      };
    case 'ENV':
      return { ...instruction, pairs: expandPairs(instruction.pairs, word) };
    case 'LABEL':
      return { ...instruction, pairs: expandPairs(instruction.pairs, word) };
    case 'STOPSIGNAL':
      return { ...instruction, signal: word(instruction.signal) };
    case 'USER':
      return { ...instruction, user: word(instruction.user) };
    case 'VOLUME':
      return { ...instruction, volumes: instruction.volumes.map(word) };
    case 'WORKDIR':
      return { ...instruction, path: word(instruction.path) };
    default:
      return instruction;
  }
}

function expandPairs(pairs: readonly KeyValue[], word: Expand): KeyValue[] {
  return pairs.map(pair => ({ ...pair, key: word(pair.key), value: word(pair.value) }));
}

function expandTransfer(
  instruction: Extract<StageInstruction, { kind: 'ADD' | 'COPY' }>,
  word: Expand,
  body: Expand,
) {
  const { chown, chmod, sources, destination, inlineFiles } = instruction;
  return {
    chown: chown === undefined ? undefined : word(chown),
    chmod: chmod === undefined ? undefined : word(chmod),
    sources: sources.map(word),
    destination: word(destination),
    inlineFiles: inlineFiles.map(file => {
      if (!file.expand) return file;
      const content = body(file.content);
      // Bytes that are no text survive only where nothing is replaced.
      return content === file.content ? file : { ...file, content, bytes: undefined };
    }),
  };
}
