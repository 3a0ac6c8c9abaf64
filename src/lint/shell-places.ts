import { LogicalLine } from '../dockerfile/logical-line.ts';
import type { Dockerfile, Heredoc, Operand, RunInstruction } from '../dockerfile/types.ts';
import { lineOf } from './places.ts';

/**
 * Where the characters of a shell form's text stand in the file, continued lines joined: the way back from what a
 * shell gets. Nothing if the text is not what the file has there, as that of a trigger of a base image.
 */
export function placesOfText(file: Dockerfile, operand: Operand): LogicalLine | undefined {
  const places = new LogicalLine(file.name);
  let { line, column } = operand.range.start;
  let rest = operand.text;
  if (operand.range.file !== file.name) return undefined;
  for (let isFirst = true; rest !== '' || isFirst; isFirst = false) {
    const text = lineOf(file, line).slice(column - 1);
    const { content, continues } = splitContinuation(text, file.escape);
    const isSkipped = !isFirst && /^\s*(?:#|$)/.test(text);
    if (!isSkipped) {
      const taken = rest.slice(0, content.length);
      // The end of the text is trimmed.
      if (!content.startsWith(taken)) return undefined;
      places.append(taken, line, column);
      rest = rest.slice(taken.length);
      if (!continues && rest !== '') return undefined;
    }
    line++;
    column = 1;
    if (rest !== '' && line > operand.range.end.line) return undefined;
  }
  return places;
}

/** The same of what the shell of a RUN gets: its text, or its here-documents, or both ({@link RunInstruction.style}). */
export function placesOfRun(file: Dockerfile, run: RunInstruction): LogicalLine | undefined {
  const [operand] = run.operands;
  if (operand === undefined) return undefined;
  if (run.style === 'script') {
    const places = new LogicalLine(file.name);
    const [document] = run.heredocs;
    if (document === undefined || document.range.file !== file.name) return undefined;
    appendDocument(places, document, document.stripTabs);
    return places;
  }
  const places = placesOfText(file, operand);
  for (const document of run.heredocs) {
    if (places === undefined) break;
    places.append('\n', document.range.start.line - 1, 1);
    appendDocument(places, document, false);
    places.append(document.name, document.range.end.line, 1);
  }
  return places;
}

function appendDocument(places: LogicalLine, document: Heredoc, strips: boolean): void {
  const first = document.range.start.line;
  for (const [index, text] of document.raw.split(/(?<=\n)/).entries()) {
    const tabs = strips ? /^\t*/.exec(text)![0].length : 0;
    places.append(text.slice(tabs), first + index, tabs + 1);
  }
}

/** As the parser joins lines. */
function splitContinuation(text: string, token: string): { content: string; continues: boolean } {
  let end = text.length;
  while (text[end - 1] === ' ' || text[end - 1] === '\t') end--;
  const continues = text[end - 1] === token && text[end - 2] !== token;
  return { content: continues ? text.slice(0, end - 1) : text, continues };
}
