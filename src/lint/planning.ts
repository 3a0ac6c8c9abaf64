import type { Dockerfile } from '../dockerfile/types.ts';
import type { FrontendWarning } from '../frontend/types.ts';
import { buildkitPage, ownPage } from './pages.ts';
import { lineOf } from './places.ts';
import type { Finding, Fix } from './types.ts';

/** The rules that the frontend applies while it plans, with the page of each. */
const pages: Readonly<Record<string, string | undefined>> = {
  CopyOutsideContext: ownPage('CopyOutsideContext'),
  // The one that BuildKit has no page for.
  InvalidBaseImagePlatform: undefined,
};

/** The page of a rule that the frontend applies. */
export function planningPage(rule: string): string | undefined {
  return rule in pages ? pages[rule] : buildkitPage(rule);
}

/** What the frontend warned of, as findings, with the fixes that the text allows. */
export function planningFindings(file: Dockerfile, warnings: readonly FrontendWarning[]): Finding[] {
  return warnings.map(({ rule, message, description, range }) => ({
    rule,
    message,
    description,
    url: planningPage(rule),
    level: 'warning',
    experimental: false,
    range,
    fix: rule === 'RedundantTargetPlatform' ? withoutPlatform(file, range.start.line) : undefined,
  }));
}

/** The `FROM` of this line without its `--platform`. */
function withoutPlatform(file: Dockerfile, line: number): Fix | undefined {
  const from = file.stages.find(stage => stage.range.start.line === line)?.from;
  const flag = from?.flags.find(({ name }) => name === 'platform');
  if (flag === undefined || flag.range.start.line !== flag.range.end.line) return undefined;
  const { start, end } = flag.range;
  const after = lineOf(file, end.line).slice(end.column - 1);
  // Where the line goes on below, so does the white space.
  const [space] = /^[ \t]*/.exec(after)!;
  const range = { ...flag.range, start, end: { line: end.line, column: end.column + space.length } };
  return { title: 'Leave --platform out', edits: [{ range, text: '' }] };
}
