import type { StorageLimits } from '../../api/images.ts';
import { readBytes } from './size.ts';

/**
 * Automatic collection as the environment asks for it; nothing where it does not.
 * @throws StagecraftError `usage`
 */
export function readStorageSettings(env: NodeJS.ProcessEnv): StorageLimits | undefined {
  return readLimits({
    maxUsed: ['STAGECRAFT_MAX_STORAGE', env.STAGECRAFT_MAX_STORAGE],
    minFree: ['STAGECRAFT_MIN_FREE_SPACE', env.STAGECRAFT_MIN_FREE_SPACE],
    reserved: ['STAGECRAFT_RESERVED_SPACE', env.STAGECRAFT_RESERVED_SPACE],
  });
}

/** How much a layer may unpack to, as the environment says; nothing where it does not. @throws StagecraftError `usage` */
export function readLayerLimit(env: NodeJS.ProcessEnv): number | undefined {
  const text = env.STAGECRAFT_MAX_LAYER_SIZE;
  return text ? readBytes('STAGECRAFT_MAX_LAYER_SIZE', text) : undefined;
}

/**
 * Limits from texts, each with the name of where it was written; nothing where there are none.
 * @throws StagecraftError `usage`
 */
export function readLimits(
  texts: Readonly<Record<keyof StorageLimits, readonly [name: string, text: string | undefined]>>,
): StorageLimits | undefined {
  const read = ([name, text]: readonly [string, string | undefined]): number | undefined =>
    text ? readBytes(name, text) : undefined;
  const limits = {
    maxUsed: read(texts.maxUsed),
    minFree: read(texts.minFree),
    reserved: read(texts.reserved),
  };
  return Object.values(limits).some(limit => limit !== undefined) ? limits : undefined;
}
