import type { Dockerfile } from '../dockerfile/types.ts';
import { StagecraftError } from '../util/errors.ts';
import { type CheckOptions, defaultOptions, isWanted, mergeOptions, parseCheckOptions } from './options.ts';
import { instructionsOf } from './places.ts';
import type { Finding } from './types.ts';

/**
 * The options of a file: those of `--build-arg BUILDKIT_DOCKERFILE_CHECK`, else of its directive `# check=`.
 * @throws StagecraftError `dockerfile` with the place of a directive that cannot be read
 */
export function optionsOf(file: Dockerfile, argument: string | undefined): CheckOptions {
  if (argument !== undefined) return parseCheckOptions(argument, 'BUILDKIT_DOCKERFILE_CHECK');
  const directive = file.directives.find(({ name }) => name === 'check');
  if (directive === undefined) return defaultOptions;
  try {
    return parseCheckOptions(directive.value, 'The directive # check=');
  } catch (error) {
    if (!(error instanceof StagecraftError)) throw error;
    throw new StagecraftError(error.code, error.message, { hint: error.hint, range: directive.range });
  }
}

/** Findings that the options let through, each once, in the order of the file. */
export function selectFindings(
  file: Dockerfile,
  findings: readonly Finding[],
  options: CheckOptions,
): Finding[] {
  const local = localOptions(file, options);
  const selected = new Map<string, Finding>();
  for (const finding of findings) {
    const { rule, message, experimental } = finding;
    const { line, column } = finding.range.start;
    if (isWanted(local.get(line) ?? options, rule, experimental))
      selected.set(`${rule} ${line}:${column} ${message}`, finding);
  }
  return [...selected.values()].sort(byPlace);
}

function byPlace({ range: { start: one } }: Finding, { range: { start: other } }: Finding): number {
  return one.line - other.line || one.column - other.column;
}

/** Lines at which a comment `# check=` right above an instruction changes the options for that instruction. */
function localOptions(file: Dockerfile, options: CheckOptions): Map<number, CheckOptions> {
  const lines = new Map<number, CheckOptions>();
  if (!/check[\t ]*=/i.test(file.text)) return lines;
  for (const { comments, range } of instructionsOf(file)) {
    const [text] = comments.flatMap(comment => /^check[\t ]*=[\t ]*(\S+)/i.exec(comment)?.[1] ?? []);
    if (text === undefined) continue;
    const own = parseLocal(text);
    if (own === undefined) continue;
    const merged = mergeOptions(options, own);
    for (let line = range.start.line; line <= range.end.line; line++) lines.set(line, merged);
  }
  return lines;
}

/** What a comment says; one that cannot be read is a comment. */
function parseLocal(text: string): CheckOptions | undefined {
  try {
    return parseCheckOptions(text, '');
  } catch {
    return undefined;
  }
}
