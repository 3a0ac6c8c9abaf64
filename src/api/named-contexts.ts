import { contextName, parseGitContext } from '../frontend/contexts.ts';
import type { NamedContext } from '../frontend/types.ts';
import { formatPlatform, normalizePlatform, parsePlatform } from '../image/platform.ts';
import { openLayout, parseLayoutReference } from '../source/oci-layout.ts';
import { maskCredentials } from '../util/credentials.ts';
import { digestHex, digestOf } from '../util/digest.ts';
import { StagecraftError } from '../util/errors.ts';
import { openDirectory } from './context-directory.ts';
import type { SourceServices } from './sources.ts';

/** Where it is remembered what was opened. */
type NamedSources = Pick<SourceServices, 'contexts' | 'layouts'>;

/**
 * What `--build-context NAME=PLACE` stands for, by the names that a Dockerfile's are compared with. Directories and
 * layouts are opened.
 * @throws StagecraftError `usage` or `not-found`
 */
export function openNamedContexts(
  places: Readonly<Record<string, string>>,
  sources: NamedSources,
): Map<string, NamedContext> {
  const named = new Map<string, NamedContext>();
  for (const [name, place] of Object.entries(places)) named.set(key(name), open(name, place, sources));
  return named;
}

/** `debian:latest` is `debian`; the platform after `::` stays. @throws StagecraftError `usage` */
function key(name: string): string {
  const [image = '', platform] = name.split('::');
  const plain = contextName(image);
  if (plain === undefined)
    throw new StagecraftError('usage', `The build context "${name}" has a name that no stage or image has.`, {
      hint: 'A name is lower case, such as base, alpine:3.20 or base::linux/arm64 for one platform.',
    });
  return platform === undefined
    ? plain
    : `${plain}::${formatPlatform(normalizePlatform(parsePlatform(platform)))}`;
}

function open(name: string, place: string, sources: NamedSources): NamedContext {
  const image = /^docker-image:(?:\/\/)?(.*)$/s.exec(place)?.[1];
  if (image !== undefined) return { type: 'image', ref: image };
  const layout = parseLayoutReference(place);
  if (layout !== undefined) {
    const opened = openLayout(layout);
    const store = digestHex(digestOf(opened.root)).slice(0, 25);
    sources.layouts.set(store, opened.blobs);
    return { type: 'oci-layout', store, digest: opened.descriptor.digest };
  }
  const ref = parseGitContext(place);
  if (ref !== undefined) return { type: 'git', address: place, ref };
  if (/^https?:\/\//.test(place)) return { type: 'http', url: place };
  const scheme = /^(target:|input:|[a-z][a-z0-9+.-]*:\/\/)/.exec(place)?.[1];
  if (scheme !== undefined)
    throw new StagecraftError(
      'unsupported',
      `The build context ${name} cannot be ${maskCredentials(place)}: there is no ${scheme} here.`,
      {
        hint: 'It is a directory, docker-image://REFERENCE, oci-layout://PATH[:TAG][@DIGEST], a Git repository, or an http:// or https:// address.',
      },
    );
  const context = openDirectory(place);
  // The name of the main context is taken.
  const local = name === 'context' ? '_context' : name;
  sources.contexts.set(local, context);
  return { type: 'local', name: local, ignorePatterns: context.ignorePatterns };
}
