import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after } from 'node:test';
import { type Outcome, program, type Running, type RunOptions, run, start, type User } from './program.ts';

/** A file's content, or a directory, link or file with a mode. */
export type Content =
  | string
  | Uint8Array
  | { readonly link: string }
  | { readonly content: string | Uint8Array; readonly mode: number }
  | { readonly directory: true; readonly mode?: number };

/** Files by their paths. */
export type Files = Readonly<Record<string, Content>>;

/** A step of a build as its progress told it. */
export interface Step {
  readonly name: string;
  readonly cached: boolean;
  readonly error: string | undefined;
}

export interface Build extends Outcome {
  /** Those that the Dockerfile asks for, in the order of their first mention. */
  readonly steps: readonly Step[];
  /** What failed and why, as a person is told. */
  readonly message: string;
  /** What the steps printed. */
  readonly log: string;
}

/** A temporary directory with a store of its own; both go when the tests of the file are done. */
export class Workspace {
  readonly directory: string;
  readonly store: string;
  readonly user: User | undefined;
  readonly #endings: (() => unknown)[] = [];
  #contexts = 0;

  /** @param user whose directory and store these are */
  constructor(user?: User) {
    this.user = user;
    this.directory = mkdtempSync(join(tmpdir(), 'stagecraft-e2e-'));
    this.store = this.path('store');
    mkdirSync(this.path('tmp'));
    if (user !== undefined)
      for (const path of [this.directory, this.path('tmp')]) chownSync(path, user.uid, user.gid);
    after(async () => {
      for (const end of this.#endings) await end();
      removeTree(this.directory);
    });
  }

  /** Has something done before the directory is removed. */
  atEnd(end: () => unknown): void {
    this.#endings.push(end);
  }

  path(...parts: string[]): string {
    return join(this.directory, ...parts);
  }

  /** Writes a new build context. */
  context(files: Files): string {
    this.#contexts += 1;
    const directory = this.path(`context-${this.#contexts}`);
    mkdirSync(directory);
    if (this.user !== undefined) chownSync(directory, this.user.uid, this.user.gid);
    this.write(directory, files);
    return directory;
  }

  write(directory: string, files: Files): void {
    for (const [path, content] of Object.entries(files)) {
      const place = join(directory, path);
      mkdirSync(dirname(place), { recursive: true });
      if (typeof content === 'string' || content instanceof Uint8Array) writeFileSync(place, content);
      else if ('link' in content) symlinkSync(content.link, place);
      else if ('directory' in content) mkdirSync(place, { recursive: true });
      else writeFileSync(place, content.content);
      if (typeof content === 'object' && 'mode' in content && content.mode !== undefined)
        chmodSync(place, content.mode);
    }
  }

  env(more: Record<string, string> = {}): Record<string, string> {
    return {
      STAGECRAFT_ROOT: this.store,
      XDG_CACHE_HOME: this.path('cache'),
      TMPDIR: this.path('tmp'),
      ...more,
    };
  }

  stagecraft(args: readonly string[], options: RunOptions = {}): Promise<Outcome> {
    return run([program, ...args], this.#options(options));
  }

  start(args: readonly string[], options: RunOptions = {}): Running {
    return start([program, ...args], this.#options(options));
  }

  /** A command that must succeed; returns what it prints. */
  async ok(...args: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await this.stagecraft(args);
    if (code !== 0) throw new Error(`stagecraft ${args.join(' ')} ended with ${code}:\n${stderr}`);
    return stdout;
  }

  /** Builds, whatever comes of it. */
  async tryBuild(
    context: string | Files,
    args: readonly string[] = [],
    options: RunOptions = {},
  ): Promise<Build> {
    const place = typeof context === 'string' ? context : this.context(context);
    const outcome = await this.stagecraft(['build', '--progress=rawjson', ...args, place], options);
    return { ...outcome, ...readProgress(outcome.stderr) };
  }

  /** Builds, which must succeed. */
  async build(
    context: string | Files,
    args: readonly string[] = [],
    options: RunOptions = {},
  ): Promise<Build> {
    const result = await this.tryBuild(context, args, options);
    if (result.code !== 0)
      throw new Error(`The build ended with ${result.code}:\n${result.log}${result.message}`);
    return result;
  }

  /** Builds and writes the resulting files into a new directory, which is returned. */
  async files(context: string | Files, args: readonly string[] = []): Promise<string> {
    this.#contexts += 1;
    const directory = this.path(`files-${this.#contexts}`);
    await this.build(context, ['-o', directory, ...args]);
    return directory;
  }

  #options(options: RunOptions): RunOptions {
    return { user: this.user, ...options, env: this.env(options.env) };
  }
}

/** All paths below a directory, sorted; links are not followed. */
export function list(directory: string): string[] {
  const paths = readdirSync(directory, { withFileTypes: true }).flatMap(entry => [
    entry.name,
    ...(entry.isDirectory() ? list(join(directory, entry.name)).map(path => join(entry.name, path)) : []),
  ]);
  return paths.sort();
}

function readProgress(stderr: string): { steps: Step[]; message: string; log: string } {
  const steps = new Map<string, Step>();
  let message = '';
  let log = '';
  for (const line of stderr.split('\n')) {
    if (!line.startsWith('{')) {
      message += line === '' ? '' : `${line}\n`;
      continue;
    }
    const { vertexes = [], logs = [] } = JSON.parse(line);
    for (const { digest, name, cached, error } of vertexes)
      steps.set(digest, { name, cached: cached === true, error });
    for (const { data } of logs) log += Buffer.from(data, 'base64').toString();
  }
  const asked = [...steps.values()].filter(({ name }) => /^\[(?!internal\])/.test(name));
  return { steps: asked, message, log };
}

/** Also what an ordinary user's builds left to subordinate ids, which only a user namespace may touch. */
function removeTree(directory: string): void {
  try {
    rmSync(directory, { recursive: true, force: true });
  } catch {
    const [file, ...args] =
      process.getuid!() === 0 ? ['rm'] : ['unshare', '--map-root-user', '--map-auto', 'rm'];
    spawnSync(file!, [...args, '-rf', directory]);
  }
}
