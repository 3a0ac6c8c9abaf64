import { parseReference } from '../image/reference.ts';
import type { Platform } from '../image/types.ts';
import type { GraphVertex } from '../llb/index.ts';
import { maskCredentials } from '../util/credentials.ts';
import { imageUri } from './image-uri.ts';

/** Something from outside that a result was made of: in-toto's resource descriptor. */
export interface Material {
  readonly uri: string;
  readonly digest?: Readonly<Record<string, string>>;
}

/** What the graph of a result reads and is lent. */
export interface Dependencies {
  /** By kind, then by address. */
  readonly materials: readonly Material[];
  /** Names of directories of the client, which have no digest. */
  readonly locals: readonly string[];
  readonly secrets: readonly Lent[];
  readonly ssh: readonly Lent[];
  /** True if a process could reach the network. */
  readonly usesNetwork: boolean;
}

export interface Lent {
  readonly id: string;
  readonly optional?: true;
}

/** What is known of a source since it was resolved: the commit, or the digest of the file. */
export type Pins = ReadonlyMap<string, string>;

/** Finds what a graph depends on. */
export function dependenciesOf(vertexes: Iterable<GraphVertex>, pins: Pins): Dependencies {
  const images = new Map<string, Material>();
  const commits = new Map<string, Material>();
  const files = new Map<string, Material>();
  const locals = new Set<string>();
  const secrets = new Map<string, boolean>();
  const ssh = new Map<string, boolean>();
  let usesNetwork = false;
  // Needed once is needed.
  const note = (ids: Map<string, boolean>, id: string, optional: boolean) =>
    ids.set(id, optional && (ids.get(id) ?? true));
  for (const { op: operation, platform } of vertexes) {
    if (operation.kind === 'source') {
      const { identifier } = operation;
      const at = identifier.indexOf('://');
      const [scheme, rest] = [identifier.slice(0, at), identifier.slice(at + 3)];
      if (scheme === 'docker-image' || scheme === 'oci-layout') {
        const material = imageMaterial(scheme === 'oci-layout' ? 'oci' : 'docker', rest, platform);
        if (material) images.set(material.uri, material);
      } else if (scheme === 'local') locals.add(rest);
      else if (scheme === 'git') {
        const uri = maskCredentials(gitAddress(operation.attrs['git.fullurl'] ?? '', rest));
        for (const name of ['git.authtokensecret', 'git.authheadersecret'])
          if (operation.attrs[name]) note(secrets, operation.attrs[name], true);
        const agent = operation.attrs['git.mountsshsock'];
        if (agent) note(ssh, agent, true);
        const commit = pins.get(identifier);
        commits.set(uri, {
          uri,
          ...(commit && { digest: { [commit.length === 64 ? 'sha256' : 'sha1']: commit } }),
        });
      } else if (scheme === 'http' || scheme === 'https') {
        // What came on standard input has an address that nobody else can ask.
        if (rest.startsWith('buildkit-session/')) locals.add('context');
        else {
          const uri = maskCredentials(identifier);
          const digest = pins.get(identifier) ?? operation.attrs['http.checksum'];
          files.set(uri, {
            uri,
            ...(digest && { digest: { sha256: digest.replace('sha256:', '') } }),
          });
        }
      }
    } else if (operation.kind === 'exec') {
      if (operation.network !== 'none') usesNetwork = true;
      for (const { id, optional } of operation.secretEnv) note(secrets, id, optional);
      for (const { secret, ssh: agent } of operation.mounts) {
        if (secret) note(secrets, secret.id, secret.optional);
        if (agent) note(ssh, agent.id || 'default', agent.optional);
      }
    }
  }
  const materials = [images, commits, files].flatMap(kind => [...kind.values()].sort(byUri));
  return {
    materials,
    locals: [...locals].sort(),
    secrets: lentOf(secrets),
    ssh: lentOf(ssh),
    usesNetwork,
  };
}

/** A graph names images with the digests that their tags stood for. */
function imageMaterial(
  type: 'docker' | 'oci',
  ref: string,
  platform: Platform | undefined,
): Material | undefined {
  const { digest } = parseReference(ref);
  const uri = imageUri(type, ref, platform, { pinned: true });
  return uri === undefined ? undefined : { uri, ...(digest && { digest: { sha256: digest.slice(7) } }) };
}

/** The repository's address, and behind `#` which ref was asked for; the directory in it is no part of what it is. */
function gitAddress(full: string, rest: string): string {
  const [place, fragment = ''] = splitAt(rest, '#');
  const [ref] = splitAt(fragment, ':');
  return `${full || `https://${place}`}${ref && `#${ref}`}`;
}

function splitAt(text: string, separator: string): [string, string?] {
  const at = text.indexOf(separator);
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + 1)];
}

function byUri(one: Material, other: Material): number {
  return one.uri < other.uri ? -1 : 1;
}

function lentOf(ids: ReadonlyMap<string, boolean>): Lent[] {
  return [...ids]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([id, optional]) => ({ id, ...(optional && { optional }) }));
}
