import { caps } from './caps.ts';
import { goJson } from './json.ts';
import { metadataOf, type ResolvedOutput, type VertexOptions } from './vertex.ts';

/** An identifier with attributes, whatever they are; the others below know what there is. */
export function source(
  identifier: string,
  attrs: Record<string, string>,
  options: VertexOptions = {},
): ResolvedOutput {
  const byPlatform = identifier.startsWith('docker-image://') || identifier.startsWith('oci-layout://');
  return {
    index: 0,
    vertex: {
      inputs: [],
      build: () => ({ kind: 'source', identifier, attrs }),
      platform: byPlatform ? options.platform : undefined,
      metadata: metadataOf(options, []),
    },
  };
}

/** Attributes whose value is given, and the features that they stand for. */
class Attributes {
  readonly values: Record<string, string> = {};
  readonly caps: string[];

  constructor(cap: string) {
    this.caps = [cap];
  }

  set(name: string, value: string | undefined, cap?: string): void {
    if (value === undefined || value === '') return;
    this.values[name] = value;
    if (cap !== undefined) this.caps.push(cap);
  }

  options<T extends VertexOptions>(options: T): T {
    return { ...options, caps: [...(options.caps ?? []), ...this.caps] };
  }
}

export interface ImageOptions {
  /** Where the image may come from: the registry only, or this machine first. */
  resolveMode?: 'default' | 'pull' | 'local' | undefined;
  /** Takes only that many layers, from the base up. */
  layerLimit?: number | undefined;
  checksum?: string | undefined;
}

/**
 * The file system of an image.
 * @param ref normalised, with tag, or pinned by digest: `docker.io/library/debian:bookworm@sha256:...`
 */
export function image(ref: string, image: ImageOptions = {}, options: VertexOptions = {}): ResolvedOutput {
  const attrs = new Attributes(caps.sourceImage);
  const mode = image.resolveMode;
  attrs.set('image.resolvemode', mode === 'default' ? undefined : mode);
  if (mode === 'pull') attrs.caps.push(caps.sourceImageResolveMode);
  attrs.set('image.layerlimit', image.layerLimit?.toString(), caps.sourceImageLayerLimit);
  attrs.set('image.checksum', image.checksum, caps.sourceImageChecksum);
  return source(`docker-image://${ref}`, attrs.values, attrs.options(options));
}

/** An image in an OCI layout that the client keeps under `storeId`. */
export function ociLayout(
  ref: string,
  layout: { storeId?: string | undefined; sessionId?: string | undefined; layerLimit?: number | undefined },
  options: VertexOptions = {},
): ResolvedOutput {
  const attrs = new Attributes(caps.sourceOciLayout);
  attrs.set('oci.session', layout.sessionId);
  attrs.set('oci.store', layout.storeId);
  attrs.set('oci.layerlimit', layout.layerLimit?.toString());
  return source(`oci-layout://${ref}`, attrs.values, attrs.options(options));
}

export interface LocalOptions {
  /** The session of the client that has the directory, when that is not the only one. */
  sessionId?: string | undefined;
  includePatterns?: readonly string[] | undefined;
  /** In the syntax of `.dockerignore`. */
  excludePatterns?: readonly string[] | undefined;
  /** Only these paths are used, and what symlinks among them point to; all if empty. */
  followPaths?: readonly string[] | undefined;
  /** Directories with equal hints may share what was sent before. */
  sharedKeyHint?: string | undefined;
}

/** A directory of the client, such as the build context. */
export function local(name: string, local: LocalOptions = {}, options: VertexOptions = {}): ResolvedOutput {
  const attrs = new Attributes(caps.sourceLocal);
  attrs.set('local.session', local.sessionId, caps.sourceLocalSessionId);
  attrs.set('local.includepattern', list(local.includePatterns), caps.sourceLocalIncludePatterns);
  attrs.set('local.followpaths', list(local.followPaths), caps.sourceLocalFollowPaths);
  attrs.set('local.excludepatterns', list(local.excludePatterns), caps.sourceLocalExcludePatterns);
  attrs.set('local.sharedkeyhint', local.sharedKeyHint, caps.sourceLocalSharedKeyHint);
  return source(`local://${name}`, attrs.values, attrs.options(options));
}

function list(items: readonly string[] | undefined): string | undefined {
  return items === undefined || items.length === 0 ? undefined : goJson([...items]);
}

export interface HttpOptions {
  /** `sha256:...` of the body. */
  checksum?: string | undefined;
  /** The name of the one file in the result. */
  filename?: string | undefined;
  /** Permission bits. */
  perm?: number | undefined;
  uid?: number | undefined;
  gid?: number | undefined;
}

/** A directory with one file, got from the URL. */
export function http(url: string, http: HttpOptions = {}, options: VertexOptions = {}): ResolvedOutput {
  const attrs = new Attributes(caps.sourceHttp);
  attrs.set('http.checksum', http.checksum, caps.sourceHttpChecksum);
  attrs.set('http.filename', http.filename);
  attrs.set('http.perm', http.perm ? `0${http.perm.toString(8)}` : undefined, caps.sourceHttpPerm);
  attrs.set('http.uid', http.uid ? http.uid.toString() : undefined, caps.sourceHttpUidGid);
  attrs.set('http.gid', http.gid ? http.gid.toString() : undefined, caps.sourceHttpUidGid);
  return source(url, attrs.values, attrs.options(options));
}

export interface GitOptions {
  /** The remote as git takes it: `https://host/path.git`, `git@host:path`. */
  remote: string;
  /** The host, with port if any, and the path: the same for all protocols. */
  host: string;
  path: string;
  ssh?: boolean | undefined;
  ref?: string | undefined;
  subdir?: string | undefined;
  keepGitDir?: boolean | undefined;
  /** The commit that `ref` must be. */
  checksum?: string | undefined;
  skipSubmodules?: boolean | undefined;
  mtime?: string | undefined;
  fetchByCommit?: boolean | undefined;
}

/** The files of a commit. Secrets `GIT_AUTH_TOKEN` and `GIT_AUTH_HEADER` are used where the client has them. */
export function git(git: GitOptions, options: VertexOptions = {}): ResolvedOutput {
  const attrs = new Attributes(caps.sourceGit);
  attrs.set('git.keepgitdir', git.keepGitDir ? 'true' : undefined, caps.sourceGitKeepDir);
  attrs.set('git.fullurl', git.remote, caps.sourceGitFullUrl);
  attrs.set('git.authtokensecret', 'GIT_AUTH_TOKEN');
  attrs.set('git.authheadersecret', 'GIT_AUTH_HEADER');
  if (git.ssh) {
    attrs.caps.push(caps.sourceGitKnownSshHosts);
    attrs.set('git.mountsshsock', 'default', caps.sourceGitMountSshSock);
  }
  attrs.set('git.checksum', git.checksum, caps.sourceGitChecksum);
  attrs.set('git.skipsubmodules', git.skipSubmodules ? 'true' : undefined, caps.sourceGitSkipSubmodules);
  attrs.set('git.mtime', git.mtime, caps.sourceGitMtime);
  attrs.set('git.fetchbycommit', git.fetchByCommit ? 'true' : undefined, caps.sourceGitFetchByCommit);
  const subdir = git.subdir ? `:${git.subdir}` : '';
  const fragment = git.ref || subdir ? `#${git.ref ?? ''}${subdir}` : '';
  const path = git.path.startsWith('/') ? git.path : `/${git.path}`;
  return source(`git://${git.host}${path}${fragment}`, attrs.values, attrs.options(options));
}
