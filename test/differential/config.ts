/** What both Docker's and OCI's image configurations hold, as far as cases compare it. */
interface Config {
  readonly architecture: string;
  readonly os: string;
  readonly rootfs: { readonly diff_ids: readonly string[] | null };
  readonly config?: Readonly<Record<string, unknown>>;
  readonly history: readonly {
    readonly created_by: string;
    readonly empty_layer?: boolean;
    readonly comment?: string;
    readonly author?: string;
  }[];
}

/** What of a configuration must be the same: all but the times and the digests of layers, which depend on times. */
export function asBuildKits(config: object): object {
  return { ...factsOf(config as Config), history: historyOf(config as Config, words => words) };
}

/** The same for an old BuildKit, which writes some words of the history otherwise. */
export function asDockers(config: object): object {
  return { ...factsOf(config as Config), history: historyOf(config as Config, wordsThatStay) };
}

function factsOf(config: Config): object {
  const { architecture, os, rootfs } = config;
  return { architecture, os, layers: rootfs.diff_ids?.length ?? 0, container: containerOf(config) };
}

function historyOf({ history }: Config, words: (text: string) => string): object[] {
  return history.map(({ empty_layer, comment, author, created_by }) => ({
    ...{ empty: empty_layer === true, comment, author },
    createdBy: words(created_by),
  }));
}

/** What of a configuration must be the same as Buildah's, which writes another history. */
export function asBuildahs(config: object): object {
  const { architecture, os } = config as Config;
  // Where nothing was said, Docker says the root, and Buildah nothing. Only Docker tells whose words a shell took apart,
  // only Buildah the name of a machine.
  const {
    WorkingDir = '/',
    ArgsEscaped: _,
    Hostname: __,
    Labels = {},
    ...rest
  } = containerOf(config as Config);
  const { 'io.buildah.version': ___, ...labels } = Labels as Record<string, string>;
  return { architecture, os, container: { ...rest, WorkingDir, labels } };
}

/** Docker writes fields that say nothing; what reads them takes them as missing. */
function containerOf({ config = {} }: Config): Record<string, unknown> {
  const said = Object.entries(config).filter(([, value]) => !isNothing(value));
  return Object.fromEntries(said.sort(([a], [b]) => a.localeCompare(b)));
}

/**
 * BuildKit changed some words of the history after the version that Debian's Docker has: flags are told too, an argument
 * with the value that it got, ports and checks in another notation.
 */
function wordsThatStay(createdBy: string): string {
  return createdBy.replace(/^(COPY|ADD)( --\S+)+/, '$1').replace(/^(ARG \w+|EXPOSE|HEALTHCHECK)\b.*/, '$1');
}

function isNothing(value: unknown): boolean {
  if (typeof value === 'object' && value !== null) return Object.keys(value).length === 0;
  return value === null || value === '' || value === false;
}
