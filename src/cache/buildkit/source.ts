import { goJson, type OpPlatform } from '../../llb/index.ts';
import { type Digest, digestOf } from '../../util/digest.ts';

// What BuildKit keys its sources by: source/*/ of its repository. Each text becomes a record of its own.

/** @param digest of the manifest or index that the image was resolved to; it has a key without, too */
export function imageTexts(
  digest: Digest | undefined,
  { os, architecture, variant, ...rest }: OpPlatform,
  diffIds: readonly Digest[],
): string[] {
  const manifest = goJson({
    Digest: digest ?? '',
    OS: os,
    Arch: architecture,
    ...(variant && { Variant: variant }),
    ...(rest['os.version'] && { OSVersion: rest['os.version'] }),
    ...(rest['os.features']?.length && { OSFeatures: [...rest['os.features']] }),
  });
  return [
    ...(digest === undefined ? [] : [digestOf(manifest)]),
    ...(diffIds.length === 0 ? [] : [chainId(diffIds)]),
  ];
}

/** Of the OCI image specification, config.md#layer-chainid. */
function chainId(diffIds: readonly Digest[]): Digest {
  return diffIds.reduce((chain, diffId) => digestOf(`${chain} ${diffId}`));
}

/** A file on the web. */
export interface HttpIdentity {
  readonly filename: string;
  /** Permission bits as asked for; 0 where nothing was. */
  readonly perm: number;
  readonly uid: number;
  readonly gid: number;
  readonly digest: Digest;
  readonly lastModified?: Date | undefined;
  readonly authHeaderSecret?: string | undefined;
  /** Sent with the request, by lower-case names. */
  readonly headers?: Readonly<Record<string, string>>;
}

export function httpText(file: HttpIdentity): string {
  const header = Object.entries(file.headers ?? {}).map(([name, Value]) => ({
    Name: canonical(name),
    Value,
  }));
  const json = goJson({
    Filename: file.filename,
    Perm: file.perm,
    UID: file.uid,
    GID: file.gid,
    Checksum: file.digest,
    ...(file.lastModified && { LastModTime: file.lastModified.toUTCString() }),
    ...(file.authHeaderSecret && { AuthHeaderSecret: file.authHeaderSecret }),
    ...(header.length > 0 && { Header: header.sort((a, b) => (a.Name < b.Name ? -1 : 1)) }),
  });
  return digestOf(json);
}

/** As Go spells names of headers: `User-Agent`. */
function canonical(name: string): string {
  return name.toLowerCase().replace(/(^|-)[a-z]/g, start => start.toUpperCase());
}

/** The files of a commit. */
export interface GitIdentity {
  readonly commit: string;
  /** With `.git`, of this ref. */
  readonly gitDir?: { readonly ref: string } | undefined;
  readonly subdir: string;
  readonly skipSubmodules: boolean;
  readonly mtime?: string | undefined;
}

export function gitText({ commit, gitDir, subdir, skipSubmodules, mtime }: GitIdentity): string {
  const git = gitDir === undefined ? '' : `.git${gitDir.ref && `#${gitDir.ref}`}`;
  const files = `${subdir && `:${subdir}`}${skipSubmodules ? '(skip-submodules)' : ''}`;
  return `${commit}${git}${files}${mtime && mtime !== 'checkout' ? `(mtime=${mtime})` : ''}`;
}
