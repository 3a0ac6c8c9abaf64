import { expandWords } from './expand.ts';
import type { Environment } from './types.ts';

/** What a word such as `<<EOF`, `3<<-"EOF"` says about the here-document it announces. */
export interface HeredocMarker {
  readonly name: string;
  readonly fd: number;
  readonly expand: boolean;
  readonly stripTabs: boolean;
}

const form = /^(\d*)<<(-?)[\t\n\f\r ]*([^<]*)$/;
const nothing: Environment = { get: () => undefined };

/**
 * Reads a word as a here-document's marker; nothing if it is none. The name is what the word is without its quotes;
 * variables in it are none. Words here escape with `\` whatever the file's escape character is.
 *
 * @throws StagecraftError `dockerfile`, without a range, if a quote is not closed
 */
function parseHeredocMarker(word: string): HeredocMarker | undefined {
  const [, fd, dash, rest] = form.exec(word) ?? [];
  if (!rest) return undefined;
  const names = expandWords(rest, nothing, { keepUnset: true });
  if (names.length !== 1) return undefined;
  const name = names[0]!;
  const [quoted] = expandWords(rest, nothing, { keepUnset: true, rawQuotes: true });
  return {
    name,
    fd: Number(fd),
    expand: countQuotes(name) === countQuotes(quoted ?? ''),
    stripTabs: dash === '-',
  };
}

/** All markers of an instruction's line, in order; none if its quotes are not what a shell would accept. */
export function findHeredocMarkers(line: string): HeredocMarker[] {
  if (!line.includes('<<')) return [];
  let words: string[];
  try {
    words = expandWords(line, nothing, { keepUnset: true, rawQuotes: true, rawEscapes: true });
  } catch {
    return [];
  }
  return words.flatMap(word => parseHeredocMarker(word) ?? []);
}

/** The marker that a word is; nothing also where it could not be read. */
export function asHeredocMarker(word: string): HeredocMarker | undefined {
  try {
    return parseHeredocMarker(word);
  } catch {
    return undefined;
  }
}

/** `<<-`: a body without the tabs that its lines start with. */
export function stripLeadingTabs(body: string): string {
  return body.replace(/(^|\n)\t+/g, '$1');
}

function countQuotes(text: string): number {
  return text.match(/['"]/g)?.length ?? 0;
}
