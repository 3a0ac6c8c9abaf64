import { type Command, forEachChild, parse, type SyntaxNode, type Word } from 'unbash';

/** A word of a command; `start` and `end` are offsets in the text that was parsed. */
export interface ShellWord {
  /** Without quotes; what a shell would put in place of variables and globs stays as written. */
  readonly text: string;
  /** True if that is all there is to it: no variable, substitution, glob or brace. */
  readonly isPlain: boolean;
  readonly start: number;
  readonly end: number;
}

/** A simple command somewhere in a shell text. */
export interface ShellCommand {
  /** The program and its arguments, without `sudo`, `env`, `exec` and the like before them. */
  readonly words: readonly ShellWord[];
  /** The last part of the program's path: `apt-get`. */
  readonly name: string;
  /** Assignments before the command, also those of `env`. */
  readonly variables: ReadonlyMap<string, string>;
  /** True for `exec program`. */
  readonly isExec: boolean;
  /** From the first assignment or word, redirections included. */
  readonly start: number;
  readonly end: number;
  /** True if it stands in another command's word, as in `sh -c "..."`: then its places are that word's. */
  readonly isNested: boolean;
}

/** Longer texts are not looked into. */
const longest = 1 << 16;
const deepest = 4;

/** All simple commands of a text, in their order, also those of substitutions and functions. Never throws. */
export function shellCommands(text: string): ShellCommand[] {
  const found: ShellCommand[] = [];
  collect(text, found, { start: 0, end: 0 }, 0);
  return found;
}

/**
 * The command that the shell ends with, where it could as well be replaced by it (`exec`): the text is one command, or
 * several in a row (`;`, `&&`) of which the last is no pipe and not sent into the background.
 */
export function finalCommand(text: string): ShellCommand | undefined {
  const script = parsed(text);
  const last = script?.commands.at(-1);
  if (script === undefined || last === undefined || last.background || script.errors?.length)
    return undefined;
  if (script.commands.some(statement => statement.background)) return undefined;
  let node = last.command;
  if (node.type === 'AndOr') {
    if (node.operators.some(operator => operator !== '&&')) return undefined;
    node = node.commands.at(-1)!;
  }
  return node.type === 'Command' ? commandOf(node) : undefined;
}

/** True if the text is nothing but one simple command. */
export function isOneCommand(text: string): boolean {
  const script = parsed(text);
  const [only, ...others] = script?.commands ?? [];
  return (
    only !== undefined &&
    others.length === 0 &&
    !only.background &&
    only.command.type === 'Command' &&
    only.command.prefix.length + only.command.redirects.length === 0
  );
}

function parsed(text: string): ReturnType<typeof parse> | undefined {
  if (text.length > longest) return undefined;
  try {
    return parse(text);
  } catch {
    // What is nested too deeply is no command that a person wrote.
    return undefined;
  }
}

/** @param place of the whole text, for what is nested in a word */
function collect(
  text: string,
  found: ShellCommand[],
  place: { start: number; end: number },
  depth: number,
): void {
  const script = parsed(text);
  if (script === undefined) return;
  const stack: SyntaxNode[] = [script];
  for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
    if (node.type === 'Script' && node.source !== undefined) {
      // Between backquotes that are themselves quoted: a text of its own.
      const whole = depth === 0 ? { start: 0, end: text.length } : place;
      if (depth < deepest) collect(node.source, found, whole, depth + 1);
      continue;
    }
    const command = node.type === 'Command' ? within(text, commandOf(node)) : undefined;
    if (command !== undefined) {
      const nested = depth === 0 ? command : { ...command, ...place, isNested: true };
      found.push(
        depth === 0 ? nested : { ...nested, words: nested.words.map(word => ({ ...word, ...place })) },
      );
      const inner = innerText(command);
      if (inner !== undefined && depth < deepest)
        collect(inner.text, found, depth === 0 ? { start: inner.start, end: inner.end } : place, depth + 1);
    }
    const children: SyntaxNode[] = [];
    try {
      forEachChild(node, child => void children.push(child));
    } catch {
      continue;
    }
    for (const child of children.reverse()) if (isLookedInto(child)) stack.push(child);
  }
}

/** Of a text that ends too early, places may lie behind its end. */
function within(text: string, command: ShellCommand | undefined): ShellCommand | undefined {
  const clip = <T extends { start: number; end: number }>(each: T): T => ({
    ...each,
    start: Math.min(each.start, text.length),
    end: Math.min(each.end, text.length),
  });
  if (command === undefined || command.end <= text.length) return command;
  return { ...clip(command), words: command.words.map(clip) };
}

/** Most words are just words: not walking through their parts saves most of the time. */
function isLookedInto(node: SyntaxNode): boolean {
  return node.type !== 'Word' || (node.parts !== undefined && /[$`<>]/.test(node.text));
}

/** `sh -c TEXT`, `su -c TEXT`, `eval TEXT`: the text. */
function innerText({ name, words }: ShellCommand): ShellWord | undefined {
  if (name === 'eval') return words.length === 2 ? words[1] : undefined;
  if (!isShell(name) && name !== 'su') return undefined;
  const flag = words.findIndex(({ text }, index) => index > 0 && /^-[a-z]*c$/.test(text));
  return flag < 0 ? undefined : words[flag + 1];
}

export function isShell(program: string): boolean {
  return /^(?:ba|da|a|z|k|mk)?sh$/.test(baseName(program));
}

export function baseName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

function commandOf(node: Command): ShellCommand | undefined {
  const variables = new Map<string, string>();
  for (const part of node.prefix)
    if (part.type === 'Assignment')
      variables.set(part.name, part.value.type === 'Word' ? part.value.value : '');
  if (node.name === undefined) return undefined;
  const all: ShellWord[] = [wordOf(node.name)];
  for (const arg of node.args)
    all.push(
      arg.type === 'Word' ? wordOf(arg) : { text: arg.text, isPlain: false, start: arg.pos, end: arg.end },
    );
  const { words, isExec } = withoutPrefixes(all, variables);
  const [program] = words;
  if (program === undefined) return undefined;
  const { pos, end } = node;
  return { words, name: baseName(program.text), variables, isExec, start: pos, end, isNested: false };
}

function wordOf(word: Word): ShellWord {
  const isPlain = (word.parts ?? []).every(
    part =>
      part.type === 'Literal' ||
      part.type === 'SingleQuoted' ||
      part.type === 'AnsiCQuoted' ||
      (part.type === 'DoubleQuoted' && part.parts.every(inner => inner.type === 'Literal')),
  );
  return { text: word.value, isPlain: isPlain && !word.text.startsWith('~'), start: word.pos, end: word.end };
}

/** Programs that run the one that follows, and which of their flags take a value of its own. */
const runners: Readonly<Record<string, RegExp>> = {
  sudo: /^-[ugCDhpRTU]$/,
  doas: /^-[uC]$/,
  env: /^-[uCS]$/,
  command: /^$/,
  exec: /^-a$/,
  builtin: /^$/,
  nice: /^-n$/,
  ionice: /^-[cnp]$/,
  nohup: /^$/,
  time: /^-[fo]$/,
  eatmydata: /^$/,
  xargs: /^-[adEIiLnPs]$/,
  timeout: /^-[ks]$/,
  gosu: /^$/,
  'su-exec': /^$/,
  setpriv: /^$/,
  tini: /^-[pe]$/,
  'dumb-init': /^-r$/,
  catatonit: /^$/,
};
/** Those that take one more word before the program. */
const withArgument = new Set(['timeout', 'gosu', 'su-exec']);

function withoutPrefixes(
  all: readonly ShellWord[],
  variables: Map<string, string>,
): { words: readonly ShellWord[]; isExec: boolean } {
  let at = 0;
  let isExec = false;
  for (;;) {
    const program = baseName(all[at]?.text ?? '');
    const takesValue = Object.hasOwn(runners, program) ? runners[program] : undefined;
    if (takesValue === undefined) return { words: all.slice(at), isExec };
    let next = at + 1;
    for (; next < all.length; next++) {
      const { text } = all[next]!;
      const assignment = /^([A-Za-z_]\w*)=(.*)$/s.exec(text);
      if (assignment && /^(?:env|sudo)$/.test(program)) variables.set(assignment[1]!, assignment[2]!);
      else if (text.startsWith('-')) next += takesValue.test(text) ? 1 : 0;
      else break;
    }
    if (withArgument.has(program)) next++;
    // A runner with nothing to run is a program like any other, such as `env` alone.
    if (next >= all.length) return { words: all.slice(at), isExec };
    if (program === 'exec') isExec = true;
    at = next;
  }
}
