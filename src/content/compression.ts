import { StagecraftError } from '../util/errors.ts';

export type CompressionType = 'gzip' | 'zstd' | 'uncompressed';

export interface Compression {
  readonly type: CompressionType;
  /** gzip 0 to 9, 4 if absent; zstd 1 to 22, 3 if absent. */
  readonly level?: number | undefined;
}

/** With gzip, 4 gives layers as large as Buildah's in two thirds of the time of zlib's usual 6, whose are 3 to 5 % smaller. */
export const defaultLevel = { gzip: 4, zstd: 3 } as const;

/** Reads the names of compressions that BuildKit's exporters know. @throws StagecraftError `usage` */
export function parseCompression(type: string, level?: string): Compression {
  if (type === 'estargz' || type === 'nydus')
    throw new StagecraftError('unsupported', `Layers in the form ${type} cannot be written.`, {
      hint: 'Use compression=gzip, zstd or uncompressed.',
    });
  if (type !== 'gzip' && type !== 'zstd' && type !== 'uncompressed')
    throw new StagecraftError('usage', `Unknown compression ${JSON.stringify(type)}.`, {
      hint: 'Use compression=gzip, zstd or uncompressed.',
    });
  if (level === undefined || type === 'uncompressed') return { type };
  const [least, most] = type === 'gzip' ? [0, 9] : [0, 22];
  if (!/^[0-9]{1,2}$/.test(level) || Number(level) > most)
    throw new StagecraftError(
      'usage',
      `The compression level ${level} of ${type} is not between ${least} and ${most}.`,
    );
  return { type, level: Number(level) };
}

/** Names a compression in records: equal names give equal bytes for equal content. */
export function compressionName({ type, level }: Compression): string {
  return type === 'uncompressed' || level === undefined || level === defaultLevel[type]
    ? type
    : `${type}-${level}`;
}
