import { StagecraftError } from '../util/errors.ts';
import { type AptConfig, aptFlag } from './apt-config.ts';
import { type AptSource, readSources } from './sources.ts';

/** One suite at one mirror, to take packages from. */
export interface Archive {
  /** `http:`, `https:` or `file:`, without the slash at its end. May hold a user name and password. */
  readonly uri: string;
  readonly suite: string;
  readonly components: readonly string[];
  /** As in {@link AptSource.signedBy}. */
  readonly signedBy: readonly string[];
  /** Whether a release file past its Valid-Until is refused. */
  readonly checkValidUntil: boolean;
  /** True for a guess, such as the security suite beside a given mirror: not an error when the mirror lacks it. */
  readonly optional: boolean;
}

export interface ArchiveRequest {
  readonly suite: string;
  readonly mirror?: string | undefined;
  readonly components: readonly string[];
  readonly architecture: string;
  /** Key ring files that count instead of the configured ones. */
  readonly keyrings: readonly string[];
}

const supported = /^(https?|file):/;
/** Suites that go with a release: corrections between point releases, and security. */
const companions = ['-updates', '-security'];

/**
 * Where the packages of a suite come from: the given mirror, else what the machine's apt is told for that suite, else
 * what it is told for its own suite with the suite's name replaced. The release itself comes first.
 * @throws StagecraftError `not-found` when the machine's apt names no mirror
 */
export function findArchives(request: ArchiveRequest, aptDir: string, config: AptConfig): Archive[] {
  const checkValidUntil = aptFlag(config, 'Acquire::Check-Valid-Until', true);
  if (request.mirror !== undefined) return archivesOfMirror(request, request.mirror, checkValidUntil);

  const usable = readSources(aptDir).filter(
    source =>
      supported.test(source.uri) &&
      source.components.includes('main') &&
      (source.architectures.length === 0 || source.architectures.includes(request.architecture)),
  );
  const configured = familyOf(usable, request.suite);
  const own = configured.length > 0 ? request.suite : usable.find(isRelease)?.suite;
  const family = own === undefined ? [] : familyOf(usable, own);
  if (own === undefined || family.length === 0)
    throw new StagecraftError(
      'not-found',
      `The apt configuration in ${aptDir} names no mirror for Debian ${request.suite}.`,
      { hint: 'Name one with --mirror URL.' },
    );
  const archives = family.map(source => ({
    uri: source.uri,
    suite: request.suite + source.suite.slice(own.length),
    components: request.components,
    signedBy: request.keyrings.length > 0 ? request.keyrings : source.signedBy,
    checkValidUntil: source.checkValidUntil ?? checkValidUntil,
    optional: own !== request.suite && source.suite !== own,
  }));
  return withoutRepeats(archives);
}

function archivesOfMirror(request: ArchiveRequest, mirror: string, checkValidUntil: boolean): Archive[] {
  const uri = mirror.replace(/\/+$/, '');
  if (!supported.test(uri) || !URL.canParse(uri))
    throw new StagecraftError('usage', `The mirror ${mirror} is not an http:, https: or file: URL.`);
  const common = { components: request.components, signedBy: request.keyrings, checkValidUntil };
  const archives: Archive[] = [{ ...common, uri, suite: request.suite, optional: false }];
  if (/-(updates|security|backports)$/.test(request.suite)) return archives;
  archives.push({ ...common, uri, suite: `${request.suite}-updates`, optional: true });
  if (/\/debian$/.test(uri))
    archives.push({ ...common, uri: `${uri}-security`, suite: `${request.suite}-security`, optional: true });
  return archives;
}

/** The sources of a suite and of its companions, the suite first and in it a mirror of Debian's usual address. */
function familyOf(sources: readonly AptSource[], suite: string): AptSource[] {
  const usual = (source: AptSource) => (/\/debian$/.test(source.uri) ? 0 : 1);
  const main = sources.filter(source => source.suite === suite).sort((a, b) => usual(a) - usual(b));
  if (main.length === 0) return [];
  return [...main, ...sources.filter(source => companions.some(suffix => source.suite === suite + suffix))];
}

function isRelease(source: AptSource): boolean {
  return /^[a-z]+$/.test(source.suite);
}

function withoutRepeats(archives: Archive[]): Archive[] {
  const seen = new Set<string>();
  return archives.filter(({ uri, suite }) => {
    const key = `${uri} ${suite}`;
    if (seen.has(key)) return false;
    seen.add(key);
    return true;
  });
}

/** An address as it may be shown or written into an image: without user name and password. */
export function publicAddress(uri: string): string {
  const url = new URL(uri);
  url.username = '';
  url.password = '';
  return url.href.replace(/\/+$/, '');
}
