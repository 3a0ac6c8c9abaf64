import { looking } from '../../files/read.ts';
import { counted, sizeText, weigh } from '../../files/walk.ts';
import { installedPackages } from '../image/packages.ts';
import { placeOfRun } from '../image/places.ts';
import { ownPage } from '../pages.ts';
import type { RunCommand } from '../run-commands.ts';
import { lineageOf, placeOfFrom, runsOf } from '../stages.ts';
import type { ImageSubject, PlanSubject, Report, Rule } from '../types.ts';
import { actionAt, installWord } from './apt-install-recommends.ts';

const name = 'BuildToolsInImage';
const rule = {
  name,
  description: 'Compilers and files to develop with should stay in a build stage',
  url: ownPage(name),
  level: 'advice',
} as const;

/** A RUN of the final image installs compilers, and does not remove them again. */
export const buildToolsInstalled: Rule<PlanSubject> = {
  ...rule,
  async check(subject, report) {
    for (const { message, range } of await installations(subject)) report({ message, range });
  },
};

/** Compilers are in the image, wherever they come from. */
export const buildToolsInImage: Rule<ImageSubject> = {
  ...rule,
  async check(subject, report) {
    // What a RUN says was told of it already.
    if (subject.told.some(({ rule }) => rule === name)) return;
    const packages = installedPackages(subject.tree).filter(({ name }) => isTool(name));
    const compilers = packages.filter(({ name }) => isCompiler(name));
    if (compilers.length > 0) {
      const bytes = packages.reduce((sum, each) => sum + each.bytes, 0);
      const shown = compilers
        .slice(0, 4)
        .map(each => each.name)
        .join(', ');
      report({
        message: `The image has ${counted(packages.length)} to develop with, ${sizeText({ bytes, isWhole: true })} in all: ${shown}${packages.length > 4 ? ', ...' : ''}; build in a stage of its own, and copy what runs into a base without them`,
        range: placeOfRun(subject, /\b(?:apt|apt-get|apk)\b/) ?? placeOfFrom(subject.target),
      });
    }
    for (const { program, root, what } of toolchains) reportToolchain(subject, report, program, root, what);
  },
};

/** Toolchains that are no packages, where their official images have them. */
const toolchains = [
  { program: '/usr/local/go/bin/go', root: '/usr/local/go', what: 'the Go toolchain' },
  { program: '/usr/local/cargo/bin/rustc', root: '/usr/local/rustup', what: 'the Rust toolchain' },
  { program: '/opt/java/openjdk/bin/javac', root: '/opt/java/openjdk', what: 'a Java development kit' },
  { program: '/usr/share/maven/bin/mvn', root: '/usr/share/maven', what: 'Maven' },
  { program: '/usr/share/dotnet/sdk', root: '/usr/share/dotnet/sdk', what: 'the .NET SDK' },
];

function reportToolchain(
  { tree, target }: ImageSubject,
  report: Report,
  program: string,
  root: string,
  what: string,
): void {
  if (looking(() => tree.lstat(program)) === undefined) return;
  const weight = weigh(tree, root);
  // A directory of links to a package's files is that package's.
  if (weight.bytes < 1_000_000) return;
  report({
    message: `The image has ${what}, ${sizeText(weight)} in ${root}; build in a stage of its own, and copy what runs into a base without it`,
    range: placeOfFrom(target),
  });
}

function isCompiler(name: string): boolean {
  return /^(?:build-essential|build-base|gcc(?:-\d+)?|g\+\+(?:-\d+)?|clang\d*(?:-\d+)?|rustc|rust|cargo|go|golang(?:-[\d.]+)?(?:-go)?|openjdk-?\d+-jdk(?:-headless)?|default-jdk(?:-headless)?|gfortran(?:-\d+)?|ghc|fpc|llvm-\d+-dev)$/.test(
    name,
  );
}

function isTool(name: string): boolean {
  return (
    isCompiler(name) ||
    /^(?:make|cmake|autoconf|automake|bison|flex|pkg-config|cpp(?:-\d+)?|binutils|dpkg-dev|linux-headers|linux-libc-dev|musl-dev|libtool)$|^lib.*-dev$|-dev$/.test(
      name,
    )
  );
}

interface Installed {
  readonly message: string;
  readonly range: ReturnType<typeof placeOfFrom>;
}

async function installations(subject: PlanSubject): Promise<Installed[]> {
  const found: Installed[] = [];
  for (const { commands } of await runsOf(subject, lineageOf(subject.target), /\bapt(?:-get)?\b|\bapk\b/)) {
    if (commands.some(removes)) continue;
    for (const command of commands) {
      const names = installedBy(command).filter(isCompiler);
      if (names.length === 0) continue;
      found.push({
        message: `${names.length === 1 ? `"${names[0]}" stays` : `${names.map(each => `"${each}"`).join(', ')} stay`} in the final image; build in a stage of its own, and copy what runs`,
        range: command.range(),
      });
    }
  }
  return found;
}

function installedBy(command: RunCommand): string[] {
  const plain = command.words
    .filter(word => word.isPlain && !word.text.startsWith('-'))
    .map(({ text }) => text.replace(/[=~<>].*$/, ''));
  if (installWord(command) !== undefined) return plain.slice(plain.indexOf('install') + 1);
  if (command.name === 'apk' && plain[1] === 'add') return plain.slice(2);
  return [];
}

function removes(command: RunCommand): boolean {
  const action = command.words[command.name === 'apk' ? 1 : actionAt(command)]?.text;
  if (command.name === 'apk') return command.words.some(({ text }) => text === 'del');
  return /^apt(?:-get)?$/.test(command.name) && /^(?:purge|remove|autoremove|autopurge)$/.test(action ?? '');
}
