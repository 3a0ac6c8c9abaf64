import type { SourceRange } from '../util/errors.ts';

/**
 * The syntax tree of a Dockerfile. Every text in it is as written: variables are not expanded, quotes around words
 * are still there wherever expansion removes them later (`expandInstruction` in expand-instruction.ts does both).
 */
export interface Dockerfile {
  /** The name to show in ranges and messages. */
  readonly name: string;
  /** The whole text, decoded as UTF-8, for excerpts. */
  readonly text: string;
  /** `# escape=`: the character that escapes and continues lines. */
  readonly escape: EscapeToken;
  /** Parser directives (`syntax`, `escape`, `check`), in order. */
  readonly directives: readonly Directive[];
  /** `ARG` before the first `FROM`. */
  readonly metaArgs: readonly ArgInstruction[];
  /** At least one, unless there is nothing but `ARG`. */
  readonly stages: readonly Stage[];
  /** What the language accepts today but advises against; the names of the rules are BuildKit's. */
  readonly warnings: readonly SyntaxWarning[];
}

export type EscapeToken = '\\' | '`';

/** `# name=value` at the very top of the file. */
export interface Directive {
  readonly name: 'syntax' | 'escape' | 'check';
  readonly value: string;
  readonly range: SourceRange;
}

export interface SyntaxWarning {
  readonly rule: string;
  readonly message: string;
  readonly description: string;
  readonly url: string;
  readonly range: SourceRange;
}

/** One `FROM` and what follows it. */
export interface Stage {
  /** Counts from 0. */
  readonly index: number;
  /** Of `AS name`, in lower case: stage names do not distinguish case. */
  readonly name: string | undefined;
  /** An image reference, an earlier stage or `scratch`; unexpanded. */
  readonly baseName: string;
  /** `--platform`; unexpanded. */
  readonly platform: string | undefined;
  readonly from: FromInstruction;
  /** Without the `FROM`. */
  readonly instructions: readonly StageInstruction[];
  /** From the start of `FROM` to the end of the last instruction. */
  readonly range: SourceRange;
  /** The doc comment directly above `FROM`, of the form `# name text`: the text. */
  readonly comment: string | undefined;
}

/** What every instruction has. */
interface Base<K extends string> {
  /** The instruction's name in upper case. */
  readonly kind: K;
  /** The keyword as written: `from`, `From`. */
  readonly keyword: string;
  /** From the keyword to the end of the last line, here-documents included. */
  readonly range: SourceRange;
  /**
   * The instruction as one line: continuations joined, comments gone, ends trimmed; without here-documents. BuildKit
   * shows this in its progress.
   */
  readonly original: string;
  /** Comment lines directly above, without `#`, trimmed; parser directives are none. */
  readonly comments: readonly string[];
  /** All flags, in order, as written. */
  readonly flags: readonly Flag[];
  /**
   * Words after keyword and flags as the instruction's grammar splits them, with their places: the arguments of
   * `COPY`, the pairs of `ENV`, the elements of a JSON array, the one text of a shell form.
   */
  readonly operands: readonly Operand[];
}

/** `--name` or `--name=value`; quotes are gone. */
export interface Flag {
  readonly name: string;
  readonly value: string | undefined;
  readonly range: SourceRange;
}

export interface Operand {
  readonly text: string;
  readonly range: SourceRange;
}

export interface FromInstruction extends Base<'FROM'> {
  readonly baseName: string;
  readonly platform: string | undefined;
  /** In lower case. */
  readonly stageName: string | undefined;
  /** As written, for checks of letter case: `AS`, `Builder`. */
  readonly written: { readonly as: string; readonly name: string } | undefined;
}

export interface ArgInstruction extends Base<'ARG'> {
  readonly args: readonly ArgDeclaration[];
}

export interface ArgDeclaration {
  readonly key: string;
  /** Absent for `ARG NAME`. */
  readonly value: string | undefined;
  /** The text of a comment `# NAME text` directly above. */
  readonly comment: string | undefined;
  readonly range: SourceRange;
}

export interface KeyValue {
  readonly key: string;
  readonly value: string;
  /** True for the old form `ENV key value`. */
  readonly legacy: boolean;
  readonly range: SourceRange;
}

export interface EnvInstruction extends Base<'ENV'> {
  readonly pairs: readonly KeyValue[];
}

export interface LabelInstruction extends Base<'LABEL'> {
  readonly pairs: readonly KeyValue[];
}

/** Shell form: one text for the shell. Exec form (a JSON array): the arguments themselves. */
export type CommandLine =
  | { readonly form: 'shell'; readonly text: string }
  | { readonly form: 'exec'; readonly args: readonly string[] };

/** `<<NAME`, `<<-NAME`, `<<"NAME"`. */
export interface Heredoc {
  readonly name: string;
  /** The number before `<<`, 0 if there is none. */
  readonly fd: number;
  /** False where the name was quoted: then `COPY` and `ADD` expand no variables in the body. */
  readonly expand: boolean;
  /** True for `<<-`. */
  readonly stripTabs: boolean;
  /** The lines as they are in the file, with their line ends. */
  readonly raw: string;
  /** The content: `raw`, with leading tabs gone if `stripTabs`. */
  readonly body: string;
  /** The exact bytes of `body`; present only where they are not valid UTF-8. */
  readonly bytes: Uint8Array | undefined;
  /** The lines between the marker and the terminator. */
  readonly range: SourceRange;
}

export interface RunInstruction extends Base<'RUN'> {
  readonly command: CommandLine;
  readonly heredocs: readonly Heredoc[];
  /**
   * How the command is to be run: `command` as it is; `script`: it is nothing but one here-document, whose body is
   * the script (a file to execute where it starts with `#!`, else text for the shell); `heredocs`: the shell gets
   * {@link shellText}, the command together with its here-documents.
   */
  readonly style: 'command' | 'script' | 'heredocs';
  /** For the shell: the command, for style `heredocs` followed by the here-documents; for `script` the body. */
  readonly shellText: string | undefined;
  readonly mounts: readonly MountFlag[];
  readonly network: 'default' | 'none' | 'host';
  readonly security: 'sandbox' | 'insecure';
  readonly devices: readonly Device[];
}

/** `--mount`, its values unexpanded; `resolveMount` in mounts.ts makes a {@link Mount} of it. */
export interface MountFlag {
  readonly fields: readonly MountField[];
  readonly range: SourceRange;
}

export interface MountField {
  /** In lower case. */
  readonly key: string;
  /** Absent for `ro`, `required` and the like. */
  readonly value: string | undefined;
  /** As written. */
  readonly text: string;
}

export type MountType = 'bind' | 'cache' | 'tmpfs' | 'secret' | 'ssh';
export type CacheSharing = 'shared' | 'private' | 'locked';

/** A `--mount` with its values expanded and checked; an absent text is empty, as BuildKit has it. */
export interface Mount {
  readonly type: MountType;
  /** A stage or image. */
  readonly from: string;
  readonly source: string;
  readonly target: string;
  readonly readOnly: boolean;
  /** For tmpfs, in bytes; 0: no limit. */
  readonly sizeLimit: number;
  /** `id=`: of a cache, a secret or an SSH agent. */
  readonly id: string;
  readonly sharing: CacheSharing | undefined;
  readonly required: boolean;
  /** For secrets: the environment variable to set; absent if no `env=` was given. */
  readonly env: string | undefined;
  readonly mode: number | undefined;
  readonly uid: number | undefined;
  readonly gid: number | undefined;
}

/** `--device`, a CDI device. */
export interface Device {
  readonly name: string;
  readonly required: boolean;
}

/** A here-document among the sources of `COPY` or `ADD`: a file of this name. */
export interface InlineFile {
  readonly name: string;
  readonly content: string;
  /** True if variables in the content are to be expanded. */
  readonly expand: boolean;
  /** The exact bytes, present only where they are not valid UTF-8. */
  readonly bytes: Uint8Array | undefined;
}

interface Transfer {
  /** Paths, globs and (for `ADD`) addresses, in order; without here-documents. */
  readonly sources: readonly string[];
  readonly inlineFiles: readonly InlineFile[];
  readonly destination: string;
  readonly heredocs: readonly Heredoc[];
  readonly chown: string | undefined;
  readonly chmod: string | undefined;
  readonly link: boolean;
  readonly exclude: readonly string[];
}

export interface CopyInstruction extends Base<'COPY'>, Transfer {
  readonly from: string | undefined;
  readonly parents: boolean;
}

export interface AddInstruction extends Base<'ADD'>, Transfer {
  readonly checksum: string | undefined;
  /** Absent: not said. */
  readonly keepGitDir: boolean | undefined;
  readonly unpack: boolean | undefined;
}

export interface CmdInstruction extends Base<'CMD'> {
  readonly command: CommandLine;
}

export interface EntrypointInstruction extends Base<'ENTRYPOINT'> {
  readonly command: CommandLine;
}

export interface ExposeInstruction extends Base<'EXPOSE'> {
  /** Sorted, as BuildKit sorts them; each may expand to several words. */
  readonly ports: readonly string[];
}

export interface UserInstruction extends Base<'USER'> {
  readonly user: string;
}

export interface WorkdirInstruction extends Base<'WORKDIR'> {
  readonly path: string;
}

export interface VolumeInstruction extends Base<'VOLUME'> {
  readonly volumes: readonly string[];
}

export interface StopsignalInstruction extends Base<'STOPSIGNAL'> {
  readonly signal: string;
}

export interface HealthcheckInstruction extends Base<'HEALTHCHECK'> {
  /** As in the image configuration: `['NONE']`, `['CMD', ...]` or `['CMD-SHELL', text]`. */
  readonly test: readonly string[];
  /** Durations in nanoseconds; absent: not said, or 0. */
  readonly interval: number | undefined;
  readonly timeout: number | undefined;
  readonly startPeriod: number | undefined;
  readonly startInterval: number | undefined;
  readonly retries: number | undefined;
}

export interface ShellInstruction extends Base<'SHELL'> {
  readonly shell: readonly string[];
}

export interface OnbuildInstruction extends Base<'ONBUILD'> {
  /** For `config.OnBuild`: the trigger with its here-documents; `parseInstruction` reads it again. */
  readonly trigger: string;
}

export interface MaintainerInstruction extends Base<'MAINTAINER'> {
  readonly maintainer: string;
}

/** An instruction inside a stage. */
export type StageInstruction =
  | AddInstruction
  | ArgInstruction
  | CmdInstruction
  | CopyInstruction
  | EntrypointInstruction
  | EnvInstruction
  | ExposeInstruction
  | HealthcheckInstruction
  | LabelInstruction
  | MaintainerInstruction
  | OnbuildInstruction
  | RunInstruction
  | ShellInstruction
  | StopsignalInstruction
  | UserInstruction
  | VolumeInstruction
  | WorkdirInstruction;

export type Instruction = FromInstruction | StageInstruction;

/** Variables by name. A Map is one. */
export interface Environment {
  get(name: string): string | undefined;
}

/** What expanding one word gave. */
export interface Expansion {
  readonly result: string;
  /** Names that were found and used. */
  readonly used: ReadonlySet<string>;
  /** Names that the word mentions and the environment lacks. */
  readonly unmatched: ReadonlySet<string>;
}

export interface ExpandOptions {
  /** The escape character; `\` if absent. */
  readonly escape?: EscapeToken | undefined;
  /** Keep quotes in the result. */
  readonly rawQuotes?: boolean | undefined;
  /** Keep escape characters in the result. */
  readonly rawEscapes?: boolean | undefined;
  /** Treat quotes as ordinary characters: for here-documents. */
  readonly ignoreQuotes?: boolean | undefined;
  /** Leave references to unknown variables as they are. */
  readonly keepUnset?: boolean | undefined;
}
