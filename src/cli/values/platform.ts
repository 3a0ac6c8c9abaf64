import { parsePlatform } from '../../image/platform.ts';
import type { Platform } from '../../image/types.ts';

/** The value of `--platform`. @throws StagecraftError `usage` */
export function readPlatform(text: string | undefined): Platform | undefined {
  return text === undefined ? undefined : parsePlatform(text);
}
