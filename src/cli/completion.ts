import type { Command, Completion, Flag, Flags } from './command.ts';

type AnyCommand = Command<Flags>;

/** Prints the names of local images, for the scripts. */
const imageNames = "stagecraft images --format '{{.Repository}}:{{.Tag}}' 2>/dev/null";

/** A completion script for bash: every word that may stand at the cursor, looked up by command and previous word. */
export function completeInBash(all: readonly AnyCommand[]): string {
  const cases = all.map(command => {
    const values = Object.entries(command.flags).flatMap(([name, flag]) => {
      if (flag.kind === 'boolean') return [];
      const spellings = [`--${name}`, ...(flag.short === undefined ? [] : [`-${flag.short}`])].join('|');
      return [`        ${spellings}) ${bashReply(flag.complete)}; return ;;`];
    });
    const inner = values.length === 0 ? '' : `      case $previous in\n${values.join('\n')}\n      esac\n`;
    return `    ${command.name})
${inner}      if [[ $word == -* ]]; then COMPREPLY=($(compgen -W '${spellings(command).join(' ')}' -- "$word"))
      else ${bashReply(command.args.complete)}; fi ;;`;
  });
  return `# bash completion for stagecraft
_stagecraft() {
  # The words of the line up to the cursor; bash's own are torn apart at colons and equals signs
  local line=\${COMP_LINE:0:COMP_POINT} words
  local word=\${line##*[[:space:]]}
  read -ra words <<<"\${line%"$word"}"
  local previous=\${words[\${#words[@]}-1]}
  if [[ $word == --*=* ]]; then previous=\${word%%=*} word=\${word#*=}; fi
  COMPREPLY=()
  _stagecraft_reply
  # bash replaces only what follows the last of them
  local last=$word
  [[ $COMP_WORDBREAKS == *:* ]] && last=\${last##*:}
  [[ $COMP_WORDBREAKS == *=* ]] && last=\${last##*=}
  local kept=\${word%"$last"}
  COMPREPLY=("\${COMPREPLY[@]#"$kept"}")
}
_stagecraft_reply() {
  if ((\${#words[@]} == 1)); then
    COMPREPLY=($(compgen -W '${all.map(command => command.name).join(' ')} --help --version' -- "$word"))
    return
  fi
  case \${words[1]} in
${cases.join('\n')}
  esac
}
_stagecraft_images() {
  local names
  names=$(${imageNames})
  COMPREPLY=($(compgen -W "$names" -- "$word"))
}
complete -o default -F _stagecraft stagecraft
`;
}

function bashReply(completion: Completion | undefined): string {
  if (completion === undefined) return ':';
  if (completion === 'image') return '_stagecraft_images';
  if (completion === 'file') return 'COMPREPLY=($(compgen -f -- "$word"))';
  if (completion === 'directory') return 'COMPREPLY=($(compgen -d -- "$word"))';
  return `COMPREPLY=($(compgen -W '${completion.join(' ')}' -- "$word"))`;
}

/** A completion script for zsh, with descriptions. */
export function completeInZsh(all: readonly AnyCommand[]): string {
  const cases = all.map(command => {
    const specs = Object.entries(command.flags).map(([name, flag]) => zshFlag(name, flag));
    specs.push("'(- *)'{-h,--help}'[Show this help]'");
    const repeated = command.args.max > 1 ? '*' : '';
    if (command.args.max > 0) specs.push(`'${repeated}:argument:${zshAction(command.args.complete)}'`);
    return `    ${command.name}) _arguments -s \\\n      ${specs.join(' \\\n      ')} ;;`;
  });
  const names = all.map(command => `    ${zshQuote(`${command.name}:${command.summary}`)}`);
  return `#compdef stagecraft
_stagecraft_images() {
  local -a names
  names=(\${(f)"$(${imageNames})"})
  compadd -a names
}
_stagecraft() {
  local -a names
  names=(
${names.join('\n')}
  )
  if ((CURRENT == 2)); then
    _describe command names
    return
  fi
  local name=$words[2]
  shift words
  ((CURRENT--))
  case $name in
${cases.join('\n')}
  esac
}
compdef _stagecraft stagecraft
`;
}

function zshFlag(name: string, flag: Flag): string {
  const help = flag.help.split('\n')[0]!.replace(/[[\]:]/g, '\\$&');
  const value = flag.kind === 'boolean' ? '' : `:${flag.value}:${zshAction(flag.complete)}`;
  const text = zshQuote(`[${help}]${value}`);
  const repeated = flag.kind === 'list' ? "'*'" : '';
  return flag.short === undefined
    ? `${repeated}--${name}${text}`
    : `${repeated}{-${flag.short},--${name}}${text}`;
}

function zshAction(completion: Completion | undefined): string {
  if (completion === undefined) return ' ';
  if (completion === 'image') return '_stagecraft_images';
  if (completion === 'file') return '_files';
  if (completion === 'directory') return '_files -/';
  return `(${completion.join(' ')})`;
}

function zshQuote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/** A completion script for fish, with descriptions. */
export function completeInFish(all: readonly AnyCommand[]): string {
  const names = all.map(command => command.name);
  const lines = [
    '# fish completion for stagecraft',
    'complete -c stagecraft -f',
    ...all.map(
      command =>
        `complete -c stagecraft -n "not __fish_seen_subcommand_from ${names.join(' ')}" -a ${command.name} -d ${fishQuote(command.summary)}`,
    ),
  ];
  for (const command of all) {
    const here = `complete -c stagecraft -n "__fish_seen_subcommand_from ${command.name}"`;
    if (command.args.max > 0 && command.args.complete !== undefined)
      lines.push(`${here}${fishAction(command.args.complete)}`);
    for (const [name, flag] of Object.entries(command.flags)) {
      const short = flag.short === undefined ? '' : ` -s ${flag.short}`;
      const value = flag.kind === 'boolean' ? '' : ` -r${fishAction(flag.complete)}`;
      lines.push(`${here}${short} -l ${name}${value} -d ${fishQuote(flag.help.split('\n')[0]!)}`);
    }
  }
  return `${lines.join('\n')}\n`;
}

function fishAction(completion: Completion | undefined): string {
  if (completion === undefined) return '';
  if (completion === 'image') return ` -a "(${imageNames.replaceAll('$', '\\$')})"`;
  if (completion === 'file') return ' -F';
  if (completion === 'directory') return ' -a "(__fish_complete_directories)"';
  return ` -a ${fishQuote(completion.join(' '))}`;
}

function fishQuote(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}

function spellings(command: AnyCommand): string[] {
  return [...Object.keys(command.flags).map(name => `--${name}`), '--help'];
}
