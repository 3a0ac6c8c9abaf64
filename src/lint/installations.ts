import { readJson, readText } from '../files/read.ts';
import type { FileTree } from '../snapshot/types.ts';
import type { ByteString } from '../util/bytes.ts';
import type { RunCommand } from './run-commands.ts';
import type { ShellWord } from './shell-commands.ts';

/** A command that installs what a project depends on, as lists in files say it. */
export interface Installation {
  readonly tool: string;
  /** The command in short: `npm ci`. */
  readonly shown: string;
  /** The file that names the dependencies, from the working directory. */
  readonly main: string;
  /** What to copy first, for people. */
  readonly manifests: string;
  /** Names of files that it reads. */
  readonly reads: RegExp;
  /** False where the list refers to the project's own files, or the command runs scripts that may need them. */
  isSelfContained(context: FileTree, main: ByteString, command: RunCommand): boolean;
}

/** npm's options whose value is a word of its own. */
const valued =
  /^--(?:loglevel|registry|prefix|cache|userconfig|omit|include|only|install-strategy|network-timeout|mutex|cache-folder|filter|reporter|store-dir|modules-folder|cwd|dir)$|^-C$/;

/** The words of an npm-like command that are no options. */
export function npmWords({ words }: RunCommand): ShellWord[] {
  return words.filter(
    ({ text }, index) => index > 0 && !text.startsWith('-') && !valued.test(words[index - 1]!.text),
  );
}

/** What the command installs; nothing if it installs nothing, or more than lists say. */
export function installationOf(command: RunCommand): Installation | undefined {
  const { name, words } = command;
  const texts = words.map(({ text }) => text);
  const [, ...rest] = texts;
  const [action, ...names] = rest.filter(text => !text.startsWith('-'));
  const has = (pattern: RegExp) => rest.some(text => pattern.test(text));
  switch (name) {
    case 'npm':
    case 'pnpm':
    case 'yarn':
    case 'bun': {
      const [action, ...names] = npmWords(command).map(({ text }) => text);
      if (has(/^(?:-g|--global|--prefix.*|-C|--cwd.*|--dir)$/) || names.length > 0) return undefined;
      const isInstall =
        name === 'yarn'
          ? action === undefined || action === 'install'
          : /^(?:ci|clean-install|i|install)$/.test(action ?? '');
      if (!isInstall || (name === 'yarn' && has(/^--(?:version|help)$/))) return undefined;
      return {
        tool: name,
        shown: action === undefined ? name : `${name} ${action}`,
        main: 'package.json',
        manifests: `package.json and ${{ npm: 'package-lock.json', pnpm: 'pnpm-lock.yaml', yarn: 'yarn.lock', bun: 'bun.lock' }[name]}`,
        reads:
          /^(?:package.*\.json|npm-shrinkwrap\.json|\.npmrc|pnpm-.*\.yaml|\.pnpmfile\.cjs|\.?yarn.*|\.pnp.*|bun\.lockb?|bunfig\.toml|patches|\.dockerignore|Dockerfile.*|README.*|LICENSE.*)$/i,
        isSelfContained: packageJsonStandsAlone,
      };
    }
    case 'go':
      if (action !== 'mod' || names[0] !== 'download') return undefined;
      return {
        tool: 'go',
        shown: 'go mod download',
        main: 'go.mod',
        manifests: 'go.mod and go.sum',
        reads: /^(?:go\.(?:mod|sum|work|work\.sum)|\.dockerignore|Dockerfile.*|README.*|LICENSE.*)$/i,
        // A module replaced by a directory of the project.
        isSelfContained: (context, main) => !/=>\s{0,9}\.{0,2}\//.test(readText(context, main) ?? '=> /'),
      };
    case 'bundle':
    case 'bundler':
      if (action !== undefined && action !== 'install') return undefined;
      return {
        tool: 'bundle',
        shown: 'bundle install',
        main: 'Gemfile',
        manifests: 'Gemfile and Gemfile.lock',
        reads:
          /^(?:Gemfile(?:\.lock)?|\.bundle|\.ruby-version|\.tool-versions|\.dockerignore|Dockerfile.*|README.*|LICENSE.*)$/i,
        isSelfContained: (context, main) =>
          !/^\s{0,99}gemspec\b|\bpath:|:path\s{0,9}=>|eval_gemfile|File\.|require_relative/m.test(
            readText(context, main) ?? 'gemspec',
          ),
      };
    case 'composer':
      if (action !== 'install' && action !== 'i') return undefined;
      return {
        tool: 'composer',
        shown: 'composer install',
        main: 'composer.json',
        manifests: 'composer.json and composer.lock',
        reads:
          /^(?:composer\.(?:json|lock)|auth\.json|symfony\.lock|\.dockerignore|Dockerfile.*|README.*|LICENSE.*)$/i,
        isSelfContained: composerJsonStandsAlone,
      };
    case 'cargo':
      // It wants at least one source file to be there, which may be empty.
      if (action !== 'fetch') return undefined;
      return {
        tool: 'cargo',
        shown: 'cargo fetch',
        main: 'Cargo.toml',
        manifests: 'Cargo.toml and Cargo.lock, with an empty src/main.rs,',
        reads:
          /^(?:Cargo\.(?:toml|lock)|\.cargo|rust-toolchain.*|\.dockerignore|Dockerfile.*|README.*|LICENSE.*)$/i,
        isSelfContained: (context, main) =>
          !/^\s{0,9}\[workspace|\bpath\s{0,9}=/m.test(readText(context, main) ?? '[workspace'),
      };
    case 'mvn':
    case 'mvnw':
      if (
        ![action, ...names].some(goal => /dependency:(?:go-offline|resolve)/.test(goal ?? '')) ||
        names.some(goal => !/dependency:/.test(goal))
      )
        return undefined;
      return {
        tool: 'mvn',
        shown: `${name} ${action}`,
        main: 'pom.xml',
        manifests: 'pom.xml',
        reads: /^(?:pom\.xml|\.mvn|mvnw.*|settings\.xml|\.dockerignore|Dockerfile.*|README.*|LICENSE.*)$/i,
        isSelfContained: (context, main) =>
          !/<modules?>|<systemPath>|<relativePath>[^<]/.test(readText(context, main) ?? '<module>'),
      };
    case 'poetry':
      if (action !== 'install' || !has(/^--(?:no-root|only|without)/) || !has(/^--no-root$/))
        return undefined;
      return {
        tool: 'poetry',
        shown: 'poetry install --no-root',
        main: 'pyproject.toml',
        manifests: 'pyproject.toml and poetry.lock',
        reads: /^(?:pyproject\.toml|poetry\.(?:lock|toml)|\.dockerignore|Dockerfile.*|README.*|LICENSE.*)$/i,
        isSelfContained: (context, main) => !/\bpath\s{0,9}=/.test(readText(context, main) ?? 'path='),
      };
    case 'uv':
      if (action !== 'sync' || !has(/^--no-install-(?:project|workspace)$/)) return undefined;
      return {
        tool: 'uv',
        shown: 'uv sync --no-install-project',
        main: 'pyproject.toml',
        manifests: 'pyproject.toml and uv.lock',
        reads:
          /^(?:pyproject\.toml|uv\.(?:lock|toml)|\.python-version|\.dockerignore|Dockerfile.*|README.*|LICENSE.*)$/i,
        isSelfContained: (context, main) =>
          !/\bpath\s{0,9}=|\bworkspace\b/.test(readText(context, main) ?? 'path='),
      };
    case 'mix':
      if (action !== 'deps.get') return undefined;
      return {
        tool: 'mix',
        shown: 'mix deps.get',
        main: 'mix.exs',
        manifests: 'mix.exs and mix.lock',
        reads: /^(?:mix\.(?:exs|lock)|\.dockerignore|Dockerfile.*|README.*|LICENSE.*)$/i,
        isSelfContained: (context, main) => !/\bpath:|File\.|Code\./.test(readText(context, main) ?? 'path:'),
      };
    default:
      return pipInstallation(command);
  }
}

/** `pip install -r FILE`, and nothing else. */
function pipInstallation(command: RunCommand): Installation | undefined {
  const install = pipInstallWord(command);
  if (install === undefined) return undefined;
  const texts = command.words.slice(command.words.indexOf(install) + 1).map(({ text }) => text);
  const lists: string[] = [];
  for (let at = 0; at < texts.length; at++) {
    const text = texts[at]!;
    const joined = /^(?:--requirement=|-r)(.+)$/.exec(text);
    if (joined) lists.push(joined[1]!);
    else if (text === '-r' || text === '--requirement') lists.push(texts[++at] ?? '');
    else if (
      /^(?:-c|--constraint|-i|--index-url|--extra-index-url|--target|-t|--prefix|--root|--trusted-host|--find-links|-f|--timeout|--retries)$/.test(
        text,
      )
    )
      at++;
    else if (/^(?:-e|--editable)/.test(text) || /^(?:\.|\/|file:)|\$/.test(text)) return undefined;
  }
  const [main, ...others] = lists;
  if (main === undefined || others.length > 0) return undefined;
  return {
    tool: 'pip',
    shown: `pip install -r ${main}`,
    main,
    manifests: main,
    reads: /^(?:.*requirements.*|constraints.*|.*\.txt|\.dockerignore|Dockerfile.*|README.*|LICENSE.*)$/i,
    // Other lists, or the project's own directories.
    isSelfContained: (context, file) =>
      !/^\s{0,9}(?:-e|--editable|-r|--requirement|-c|\.|file:|\/)|@\s{0,9}file:/m.test(
        readText(context, file) ?? '-r',
      ),
  };
}

/** The word `install` of `pip install`, `python -m pip install`. */
export function pipInstallWord({ name, words }: RunCommand) {
  const at = /^pip[\d.]*$/.test(name)
    ? 0
    : /^(?:python[\d.]*|pypy[\d.]*)$/.test(name)
      ? words.findIndex(({ text }, index) => text === 'pip' && words[index - 1]?.text === '-m')
      : -1;
  if (at < 0) return undefined;
  const action = words.slice(at + 1).find(({ text }) => !text.startsWith('-'));
  return action?.text === 'install' && action !== words.at(-1) ? action : undefined;
}

function packageJsonStandsAlone(context: FileTree, main: ByteString, { words }: RunCommand): boolean {
  const json = record(readJson(context, main));
  if (json === undefined || json.workspaces !== undefined) return false;
  const mayRun = !words.some(({ text }) => text === '--ignore-scripts');
  const scripts = Object.keys(record(json.scripts) ?? {});
  if (
    mayRun &&
    scripts.some(script => /^(?:pre|post)?install$|^(?:pre|post)?prepare$|^prepublish$/.test(script))
  )
    return false;
  const kinds = ['dependencies', 'devDependencies', 'optionalDependencies'];
  const wanted = kinds.flatMap(kind => Object.entries(record(json[kind]) ?? {}));
  // Prisma's client is made from the project's schema when it is installed.
  if (mayRun && wanted.some(([dependency]) => dependency === '@prisma/client')) return false;
  return !wanted.some(([, version]) => /^(?:file|link|portal|workspace):|^\.{0,2}\//.test(String(version)));
}

function composerJsonStandsAlone(context: FileTree, main: ByteString, { words }: RunCommand): boolean {
  const json = record(readJson(context, main));
  if (json === undefined) return false;
  const has = (pattern: RegExp) => words.some(({ text }) => pattern.test(text));
  const scripts = Object.keys(record(json.scripts) ?? {});
  if (!has(/^--no-scripts$/) && scripts.some(script => /^(?:pre|post)-(?:install|autoload)/.test(script)))
    return false;
  // To write the table of classes it must have seen them.
  if (!has(/^--no-autoloader$/)) {
    const autoload = record(json.autoload) ?? {};
    if (
      has(/^(?:-o|-a|--optimize-autoloader|--classmap-authoritative)$/) ||
      autoload.classmap !== undefined ||
      autoload.files !== undefined
    )
      return false;
  }
  const repositories = Object.values(
    record(json.repositories) ?? (Array.isArray(json.repositories) ? { ...json.repositories } : {}),
  );
  return !repositories.some(each => record(each)?.type === 'path');
}

export function record(value: unknown): Record<string, unknown> | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : undefined;
}
