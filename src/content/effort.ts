import { constants, deflateRaw, type ZlibOptions } from 'node:zlib';

const sampleSize = 4096;
const samples = 8;
/** What samples keep of their size, at least, that are of data which is compressed or random already. */
const dense = 0.97;
/** What looking for repetitions must save, of what the frequencies of bytes alone leave. */
const worthwhile = 0.02;

/**
 * How deflate shall treat a block, as far as samples of it tell: stored as it is where nothing would be saved, by the
 * frequencies of its bytes where looking for repetitions would take three times the time and save nothing (digits of
 * hashes, measurements), and else as the level says. The bytes alone decide.
 */
export async function chooseEffort(block: Buffer, level: number): Promise<ZlibOptions> {
  if (level === 0 || block.length < samples * sampleSize) return { level };
  const step = Math.floor((block.length - sampleSize) / (samples - 1));
  const sample = Buffer.allocUnsafe(samples * sampleSize);
  for (let i = 0; i < samples; i++)
    sample.set(block.subarray(i * step, i * step + sampleSize), i * sampleSize);
  const repeated = await deflatedSize(sample);
  if (repeated > dense * sample.length) return { level: 0 };
  if (repeated > (1 - worthwhile) * codedSize(sample)) return { level, strategy: constants.Z_HUFFMAN_ONLY };
  return { level };
}

function deflatedSize(data: Buffer): Promise<number> {
  return new Promise((resolve, reject) => {
    deflateRaw(data, { level: 1, chunkSize: data.length + 1024 }, (error, result) =>
      error ? reject(error) : resolve(result.length),
    );
  });
}

/** Bytes that the data takes when each byte is coded by its frequency alone, with a bit or more: at the least. */
function codedSize(data: Buffer): number {
  const counts = new Uint32Array(256);
  for (let i = 0; i < data.length; i++) counts[data[i]!]!++;
  let bits = 0;
  for (const count of counts) if (count > 0) bits += count * Math.max(1, Math.log2(data.length / count));
  return bits / 8;
}
