/** The files of a commit, as an LLB source names them. */
export interface GitSource {
  /** As git takes it: `https://host/path.git`, `ssh://`, `git://`, `user@host:path`. */
  readonly remote: string;
  /** A branch, a tag, a full name or a full hash; the default branch unless given. */
  readonly ref?: string | undefined;
  /** Takes only what is in this directory. */
  readonly subdir?: string | undefined;
  /** The commit that `ref` must be, or its first digits. */
  readonly checksum?: string | undefined;
  readonly keepGitDir?: boolean | undefined;
  readonly skipSubmodules?: boolean | undefined;
  /** The times of the files: that of the commit, unless `checkout` asks for that of the checkout. */
  readonly mtime?: 'checkout' | 'commit' | undefined;
  /** Takes the checksum for what `ref` is, whatever the remote says. */
  readonly fetchByCommit?: boolean | undefined;
  /** The id of the SSH agent to use. */
  readonly mountSshSock?: string | undefined;
  /** In the form of `known_hosts`: no other keys are taken. */
  readonly knownSshHosts?: string | undefined;
  /** The secrets with a token or a whole `authorization` header; those for a host have its name after a dot. */
  readonly authTokenSecret?: string | undefined;
  readonly authHeaderSecret?: string | undefined;
}

/** What a source's ref is. */
export interface ResolvedRef {
  /** A full hash: of a commit, or of an annotated tag. */
  readonly object: string;
  /** The commit that an annotated tag points to, as far as that is known. */
  readonly commit: string | undefined;
  /** The ref's full name; nothing for a commit by itself. */
  readonly name: string | undefined;
}
