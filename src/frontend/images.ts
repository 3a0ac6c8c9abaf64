import type { ContainerConfig, HistoryEntry, ImageConfig, Platform } from '../image/types.ts';

/** What PATH is where an image does not say. */
export const defaultPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** The config of `scratch`. */
export function emptyImage(platform: Platform): ImageConfig {
  return {
    ...platform,
    config: {
      WorkingDir: '/',
      ...(platform.os !== 'windows' && { Env: [`PATH=${defaultPath}`] }),
    },
    rootfs: { type: 'layers', diff_ids: [] },
    history: [],
  };
}

/**
 * A base image's config to build on: what an image config may say and nothing that another tool added, without the
 * time of its making, and with one history entry that is not empty for each of its layers, also where the image was
 * made by a tool that kept no such books.
 */
export function baseImage(config: ImageConfig): ImageConfig {
  return {
    ...platformOf(config),
    ...(config.author && { author: config.author }),
    config: compactConfig(config.config ?? {}),
    rootfs: { type: 'layers', diff_ids: [] },
    history: completeHistory(config.history ?? [], layerCount(config)),
  };
}

function layerCount(config: ImageConfig): number {
  return config.rootfs?.diff_ids?.length ?? 0;
}

/** True for an image without files, such as one that only carries labels. */
export function isEmptyImage(config: ImageConfig): boolean {
  return layerCount(config) === 0 && (config.history ?? []).every(entry => entry.empty_layer);
}

function completeHistory(history: readonly HistoryEntry[], layers: number): HistoryEntry[] {
  let missing = layers;
  const complete = history.map(entry => {
    if (entry.empty_layer) return entry;
    if (missing > 0) {
      missing--;
      return entry;
    }
    return { ...entry, empty_layer: true };
  });
  for (; missing > 0; missing--) complete.push({ comment: 'layer without history' });
  return complete;
}

/** The same image with a changed container config. */
export function configure(image: ImageConfig, change: Partial<ContainerConfig>): ImageConfig {
  return { ...image, config: { ...image.config, ...change } };
}

const configKeys = [
  'User',
  'ExposedPorts',
  'Env',
  'Entrypoint',
  'Cmd',
  'Volumes',
  'WorkingDir',
  'Labels',
  'StopSignal',
  'Healthcheck',
  'Shell',
  'OnBuild',
  'ArgsEscaped',
] as const satisfies readonly (keyof ContainerConfig)[];

/** Only what images have, and of that nothing that is empty, as Go leaves it out of JSON; other tools write `null`. */
export function compactConfig(config: ContainerConfig): ContainerConfig {
  const kept = configKeys.flatMap(key => {
    const value = config[key] ?? undefined;
    const empty = typeof value === 'object' ? Object.keys(value).length === 0 : !value;
    return empty ? [] : [[key, value]];
  });
  return Object.fromEntries(kept);
}

/** The words that run a text: SHELL of the image, then the text. */
export function withShell(image: ImageConfig, text: string): string[] {
  const shell = image.config?.Shell;
  if (shell !== undefined && shell.length > 0) return [...shell, text];
  return [...(image.os === 'windows' ? ['cmd', '/S', '/C'] : ['/bin/sh', '-c']), text];
}

export function platformOf(image: ImageConfig): Platform {
  const version = image['os.version'];
  const features = image['os.features'];
  return {
    os: image.os,
    architecture: image.architecture,
    ...(image.variant && { variant: image.variant }),
    ...(version && { 'os.version': version }),
    ...(features?.length && { 'os.features': features }),
  };
}
