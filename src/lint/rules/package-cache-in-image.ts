import { posix } from 'node:path';
import { looking, readText } from '../../files/read.ts';
import { sizeText, weigh } from '../../files/walk.ts';
import type { FileTree } from '../../snapshot/types.ts';
import { type ByteString, bytesFromText } from '../../util/bytes.ts';
import { placeOfRun } from '../image/places.ts';
import { ownPage } from '../pages.ts';
import type { ImageSubject, Rule } from '../types.ts';

const name = 'PackageCacheInImage';

/** What a package manager downloaded is still in the image. */
export const packageCacheInImage: Rule<ImageSubject> = {
  name,
  description: 'What package managers downloaded should not stay in the image',
  url: ownPage(name),
  level: 'advice',
  check(subject, report) {
    for (const { paths, what, tool, instead, least = 1_000_000, saidBy } of caches) {
      // A cache that the base brought is not this file's to remove.
      const range = placeOfRun(subject, tool);
      if (range === undefined) continue;
      if (saidBy !== undefined && subject.told.some(({ rule }) => rule === saidBy)) continue;
      for (const path of paths.flatMap(each => placesOf(subject.tree, each))) {
        const weight = weigh(subject.tree, path);
        if (weight.bytes < least) continue;
        report({ message: `${path} holds ${sizeText(weight)} of ${what}; ${instead}`, range });
      }
    }
  },
};

interface Cache {
  /** `~` is each user's home. */
  readonly paths: readonly string[];
  readonly what: string;
  /** What the text of the RUN has that fills it. */
  readonly tool: RegExp;
  readonly instead: string;
  /** Bytes that are worth a word. */
  readonly least?: number;
  /** The rule that tells the same from the text. */
  readonly saidBy?: string;
}

const mount = 'give it a RUN --mount=type=cache, or remove it in the same RUN';

const caches: readonly Cache[] = [
  {
    paths: ['/var/lib/apt/lists'],
    what: 'package lists',
    tool: /\bapt/,
    instead: 'remove them in the RUN that fetched them',
    least: 64_000,
    saidBy: 'AptListsLeft',
  },
  { paths: ['/var/cache/apt'], what: "apt's cache", tool: /\bapt/, instead: mount },
  {
    paths: ['/var/cache/apk', '/etc/apk/cache'],
    what: "apk's cache",
    tool: /\bapk\b/,
    instead: 'use apk --no-cache',
  },
  {
    paths: ['/var/cache/dnf', '/var/cache/libdnf5', '/var/cache/yum'],
    what: "dnf's cache",
    tool: /\b(?:dnf|yum|microdnf)\b/,
    instead: 'run "dnf clean all" in the same RUN',
  },
  {
    paths: ['/var/cache/zypp'],
    what: "zypper's cache",
    tool: /\bzypper\b/,
    instead: 'run "zypper clean" in the same RUN',
  },
  { paths: ['/var/cache/pacman/pkg'], what: "pacman's cache", tool: /\bpacman\b/, instead: mount },
  { paths: ['~/.npm/_cacache'], what: "npm's cache", tool: /\b(?:npm|npx)\b/, instead: mount },
  {
    paths: ['~/.cache/yarn', '/usr/local/share/.cache/yarn', '~/.yarn/berry/cache'],
    what: "yarn's cache",
    tool: /\byarn\b/,
    instead: mount,
  },
  {
    paths: ['~/.local/share/pnpm/store', '~/.cache/pnpm'],
    what: "pnpm's store",
    tool: /\bpnpm\b/,
    instead: mount,
  },
  { paths: ['~/.bun/install/cache'], what: "bun's cache", tool: /\bbun\b/, instead: mount },
  {
    paths: ['~/.cache/pip'],
    what: "pip's cache",
    saidBy: 'PipCacheLeft',
    tool: /\bpip/,
    instead: 'use pip --no-cache-dir, or a RUN --mount=type=cache',
  },
  {
    paths: ['~/.cache/uv'],
    what: "uv's cache",
    tool: /\buv\b/,
    instead: 'use uv --no-cache, or a RUN --mount=type=cache',
  },
  { paths: ['~/.cache/pypoetry'], what: "poetry's cache", tool: /\bpoetry\b/, instead: mount },
  {
    paths: ['~/.cache/go-build', '~/go/pkg/mod', '/go/pkg/mod'],
    what: "Go's cache",
    tool: /\bgo\b/,
    instead: mount,
  },
  {
    paths: ['~/.cargo/registry', '/usr/local/cargo/registry'],
    what: "cargo's cache",
    tool: /\bcargo\b/,
    instead: mount,
  },
  { paths: ['~/.m2/repository'], what: "Maven's repository", tool: /\bmvnw?\b/, instead: mount },
  {
    paths: ['~/.gradle/caches', '~/.gradle/wrapper/dists'],
    what: "Gradle's caches",
    tool: /\bgradlew?\b/,
    instead: mount,
  },
  {
    paths: ['~/.composer/cache', '~/.cache/composer'],
    what: "composer's cache",
    tool: /\bcomposer\b/,
    instead: mount,
  },
  {
    paths: ['~/.bundle/cache', '/usr/local/bundle/cache'],
    what: "bundler's cache",
    tool: /\b(?:bundle|gem)\b/,
    instead: mount,
  },
  { paths: ['~/.nuget/packages'], what: "NuGet's packages", tool: /\bdotnet\b/, instead: mount },
];

/** A path with `~` for the homes of root and of those below /home. */
function placesOf(tree: FileTree, path: string): ByteString[] {
  const places = path.startsWith('~') ? homesOf(tree).map(home => `${home}${path.slice(1)}`) : [path];
  return places.filter(place => looking(() => tree.lstat(place))?.type === 'directory');
}

function homesOf(tree: FileTree): ByteString[] {
  const users = (readText(tree, '/etc/passwd') ?? '').split('\n').map(line => line.split(':')[5] ?? '');
  const homes = users
    .filter(home => /^\/(?:root|home\/[^/]+|app|var\/www|opt\/[^/]+)$/.test(home))
    .map(bytesFromText);
  const below = (looking(() => tree.list('/home')) ?? []).map(user => posix.join('/home', user));
  return [...new Set(['/root', ...homes, ...below])];
}
