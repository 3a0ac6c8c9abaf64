import { posix } from 'node:path';
import { looking, readJson, readText } from '../../files/read.ts';
import { counted, sizeText, type Weight, weigh } from '../../files/walk.ts';
import type { FileTree } from '../../snapshot/types.ts';
import { type ByteString, bytesFromText, textFromBytes } from '../../util/bytes.ts';
import type { SourceRange } from '../../util/errors.ts';
import { contextCopies, contextFileAt } from '../context-copies.ts';
import { findInImage } from '../image/inventory.ts';
import { placeOfPath } from '../image/places.ts';
import { installationOf, record } from '../installations.ts';
import { ownPage } from '../pages.ts';
import type { RunCommand, RunStep } from '../run-commands.ts';
import { lineageOf, runsOf } from '../stages.ts';
import type { ImageSubject, PlanSubject, Rule } from '../types.ts';
import { directoryAfter } from './npm-install-with-lock-file.ts';

const name = 'DevDependenciesInImage';
const rule = {
  name,
  description: 'Dependencies that only development needs should stay out of the final image',
  url: ownPage(name),
  level: 'advice',
} as const;

/** A RUN of the final image installs devDependencies, and nothing prunes them. */
export const devDependenciesInstalled: Rule<PlanSubject> = {
  ...rule,
  async check(subject, report) {
    for (const found of await installations(subject)) report(found);
  },
};

/** Packages for development only are in the image. */
export const devDependenciesInImage: Rule<ImageSubject> = {
  ...rule,
  async check(subject, report) {
    const { npm, pnpm, composer } = findInImage(subject.tree);
    for (const file of npm) {
      const directory = posix.dirname(file);
      const packages = devPackages(subject.tree, file, directory);
      if (packages.length === 0) continue;
      const weights = packages
        .map(path => ({ path, ...weigh(subject.tree, path) }))
        .sort((a, b) => b.bytes - a.bytes);
      const total: Weight = {
        bytes: weights.reduce((sum, { bytes }) => sum + bytes, 0),
        files: 0,
        isWhole: weights.every(({ isWhole }) => isWhole),
      };
      const names = weights.slice(0, 3).map(({ path }) => textFromBytes(path.slice(directory.length + 1)));
      report({
        message: `${textFromBytes(directory)} holds ${counted(packages.length)} for development only, ${sizeText(total)}: ${names.join(', ')}${packages.length > 3 ? ', ...' : ''}; install with --omit=dev, in a stage of its own where the build needs them`,
        range: placeOfPath(subject, file, /\b(?:npm|yarn|pnpm)\b/),
      });
    }
    for (const file of pnpm)
      if (
        /devDependencies["']?\s{0,9}:\s{0,9}true/.test(readText(subject.tree, file) ?? '') &&
        hasDevDependencies(subject.tree, posix.join(file, '../../package.json'))
      )
        report({
          message: `${textFromBytes(posix.dirname(file))} was installed with devDependencies; use pnpm install --prod, in a stage of its own where the build needs them`,
          range: placeOfPath(subject, file, /\bpnpm\b/),
        });
    for (const file of composer) {
      const json = record(readJson(subject.tree, file));
      const names =
        json?.dev === true && Array.isArray(json['dev-package-names']) ? json['dev-package-names'] : [];
      if (names.length > 0)
        report({
          message: `${textFromBytes(posix.join(file, '../..'))} holds ${counted(names.length)} for development only: ${names.slice(0, 3).join(', ')}${names.length > 3 ? ', ...' : ''}; use composer install --no-dev`,
          range: placeOfPath(subject, file, /\bcomposer\b/),
        });
    }
  },
};

/** Directories of packages that npm's record of what it installed marks as for development. */
function devPackages(tree: FileTree, file: ByteString, directory: ByteString): ByteString[] {
  const packages = record(record(readJson(tree, file, 32 << 20))?.packages) ?? {};
  return Object.entries(packages).flatMap(([key, value]) => {
    const entry = record(value);
    if (entry?.dev !== true || entry.link === true) return [];
    const path = posix.join(posix.dirname(directory), bytesFromText(key));
    const isNested = key.lastIndexOf('node_modules/') > 0;
    // Those within another one are weighed with it.
    return !isNested && looking(() => tree.lstat(path)) !== undefined ? [path] : [];
  });
}

function hasDevDependencies(tree: FileTree, file: ByteString): boolean {
  return Object.keys(record(record(readJson(tree, file))?.devDependencies) ?? {}).length > 0;
}

async function installations(subject: PlanSubject): Promise<{ message: string; range: SourceRange }[]> {
  const { context } = subject;
  if (context === undefined) return [];
  const found: { message: string; range: SourceRange }[] = [];
  const lineage = lineageOf(subject.target);
  const runs = await runsOf(subject, lineage, /\b(?:npm|yarn|pnpm)\b/);
  for (const [index, run] of runs.entries()) {
    let cwd = run.known.cwd;
    for (const [at, command] of run.commands.entries()) {
      cwd = directoryAfter(command, cwd);
      const installation = installationOf(command);
      if (
        installation === undefined ||
        !/^(?:npm|yarn|pnpm)$/.test(installation.tool) ||
        isForProduction(command, run)
      )
        continue;
      const later = [...run.commands.slice(at + 1), ...runs.slice(index + 1).flatMap(each => each.commands)];
      if (later.some(removesDev)) continue;
      const file = contextFileAt(context, contextCopies(lineage), posix.resolve(cwd, 'package.json'));
      if (file === undefined || !hasDevDependencies(context, file)) continue;
      found.push({
        message: `"${installation.shown}" brings devDependencies into the final image; ${omitting[installation.tool]}, in a stage of its own where the build needs them`,
        range: command.range(),
      });
    }
  }
  return found;
}

const omitting: Readonly<Record<string, string>> = {
  npm: 'add --omit=dev',
  yarn: 'add --production',
  pnpm: 'add --prod',
};

function isForProduction({ words, variables }: RunCommand, { known }: RunStep): boolean {
  const environment = variables.get('NODE_ENV') ?? known.env.get('NODE_ENV');
  const texts = words.map(({ text }) => text);
  if (texts.some(text => /^--(?:include=dev|production=false|dev)$/.test(text))) return false;
  if (
    texts.some(
      (text, index) =>
        /^(?:--omit=dev|--production(?:=true)?|--prod|-P|--only=prod(?:uction)?)$/.test(text) ||
        (text === 'dev' && texts[index - 1] === '--omit') ||
        (/^prod/.test(text) && texts[index - 1] === '--only'),
    )
  )
    return true;
  return (
    environment === 'production' ||
    known.env.get('NPM_CONFIG_OMIT') === 'dev' ||
    known.env.get('NPM_CONFIG_PRODUCTION') === 'true'
  );
}

/** Takes them away, or all of them, or installs anew. */
function removesDev(command: RunCommand): boolean {
  const { name, words } = command;
  const texts = words.map(({ text }) => text);
  if (name === 'rm') return texts.some(text => /(?:^|\/)node_modules\/?$/.test(text));
  if (!/^(?:npm|pnpm|yarn)$/.test(name)) return false;
  return (
    texts.includes('prune') ||
    texts.some(text => /^(?:--omit=dev|--production(?:=true)?|--prod|-P|--only=prod.*)$/.test(text))
  );
}
