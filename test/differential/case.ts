import type { Files } from '../support/workspace.ts';

/** A Dockerfile on which all builders must agree. Its stages stand on the image `busybox`. */
export interface Case {
  /** What is shown, in the user's terms. */
  readonly name: string;
  readonly dockerfile: string;
  /** The context. Its files are made as old as each other, so that only what a build makes is new. */
  readonly files?: Files;
  /** Makes what {@link files} cannot say. */
  readonly prepare?: (context: string) => void;
  /** Flags of the build; a `@` at the start of one stands for the context's directory. */
  readonly flags?: readonly string[];
  /** Images that must be there before, by name. No other case uses the same names. */
  readonly parents?: Readonly<Record<string, string>>;
  /** Directories on which a step mounts something: some builders leave them empty in the image. */
  readonly mountpoints?: readonly string[];
  /** All must refuse to build it; we do so with these words. */
  readonly refused?: RegExp;
  /** Why a peer is not asked: it lacks the feature, or differs from Docker. */
  readonly without?: { readonly docker?: string; readonly buildah?: string; readonly buildkit?: string };
}

/** Cases about one topic. */
export interface Topic {
  readonly name: string;
  readonly cases: readonly Case[];
}

/** Where Buildah 1.28 differs from Docker, or does not follow it yet. */
export const buildah = {
  anyFlag: 'Buildah takes flags that it does not know for operands',
  devices: 'Buildah lets no step make devices',
  hides: 'Buildah removes what a mount has hidden',
  letters: 'Buildah tells small letters of stage names from large ones',
  newer: 'Buildah 1.28 is older than this',
  mounts: 'Buildah 1.28 lacks this kind of mount',
  shells: 'Buildah runs commands by /bin/sh, whatever SHELL says',
  special: 'Buildah drops the bits of set-user-ID programs',
  volumes: 'Buildah forgets what is written to a volume',
  words: 'Buildah splits and quotes words by rules of its own',
  workdirs: 'Buildah makes working directories late and as root',
} as const;

/** What the Docker of Debian 12 lacks: its BuildKit is of 2021. */
export const docker = {
  newer: 'the BuildKit of Docker 20.10 is older than this',
  modes: 'later versions of BuildKit than Debian’s change directories too, and keep all bits',
} as const;

/** Makes the users `app` (1000:1001) and `team` (a group, 2002). */
export const users = `RUN mkdir -p /etc && printf 'root:x:0:0::/root:/bin/sh\\napp:x:1000:1001::/home/app:/bin/sh\\n' >/etc/passwd && echo team:x:2002: >/etc/group
`;
