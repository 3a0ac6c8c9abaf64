import { PassThrough, Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import {
  CopyObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  S3Client,
  S3ServiceException,
} from '@aws-sdk/client-s3';
import { Upload } from '@aws-sdk/lib-storage';
import type { Descriptor } from '../../image/types.ts';
import { type Digest, isDigest } from '../../util/digest.ts';
import { StagecraftError } from '../../util/errors.ts';
import { forEachAtOnce } from '../../util/parallel.ts';
import { once } from '../../util/streams.ts';
import { readAnnotated, writeAnnotated } from '../annotated.ts';
import { configLimit } from '../config.ts';
import type { ImportedCache } from '../imported.ts';
import type { CacheTarget } from '../target.ts';

/** A cache in a bucket of S3, with the attributes that BuildKit has. */
export interface S3Options {
  readonly bucket: string;
  readonly region: string;
  /** Before all keys. */
  readonly prefix: string;
  readonly blobsPrefix: string;
  readonly manifestsPrefix: string;
  /** What the cache is called; the first is read, all are written. */
  readonly names: readonly string[];
  /** Another server than Amazon's. */
  readonly endpoint?: string | undefined;
  readonly usePathStyle: boolean;
  /** Where the usual places (variables, profiles, the machine's role) are not to be asked. */
  readonly credentials?:
    | { readonly accessKeyId: string; readonly secretAccessKey: string; readonly sessionToken?: string }
    | undefined;
  readonly uploadParallelism: number;
  /** How the SDK tries again; as its own settings say, unless given. */
  readonly retryMode?: 'standard' | 'adaptive' | undefined;
  readonly maxAttempts?: number | undefined;
  /** Milliseconds after which a blob that is there is marked as used, so that rules of the bucket may remove others. */
  readonly touchRefresh: number;
}

/** Bytes of an object that S3 copies in one request. */
const mostCopied = 5 * 2 ** 30;

/** What is in one place of a bucket. */
class Bucket {
  readonly #client: S3Client;
  readonly #options: S3Options;
  readonly #signal: AbortSignal;

  constructor(options: S3Options, signal: AbortSignal) {
    const { region, endpoint, usePathStyle, credentials, retryMode, maxAttempts } = options;
    this.#options = options;
    this.#signal = signal;
    this.#client = new S3Client({
      region,
      // Servers of others do not know checksums that Amazon's has had since 2024.
      requestChecksumCalculation: 'WHEN_REQUIRED',
      responseChecksumValidation: 'WHEN_REQUIRED',
      ...(endpoint !== undefined && { endpoint, forcePathStyle: usePathStyle }),
      ...(credentials !== undefined && { credentials }),
      ...(retryMode !== undefined && { retryMode }),
      ...(maxAttempts !== undefined && { maxAttempts }),
    });
  }

  blobKey(digest: Digest): string {
    return `${this.#options.prefix}${this.#options.blobsPrefix}${digest}`;
  }

  manifestKey(name: string): string {
    return `${this.#options.prefix}${this.#options.manifestsPrefix}${name}`;
  }

  async *read(key: string, from = 0): AsyncGenerator<Uint8Array> {
    const request = { ...this.#at(key), ...(from > 0 && { Range: `bytes=${from}-` }) };
    const { Body } = await this.#ask(key, () =>
      this.#client.send(new GetObjectCommand(request), { abortSignal: this.#signal }),
    );
    yield* Body as Readable;
  }

  /** When it was last written; nothing where there is no such object. */
  async lastModified(key: string): Promise<Date | undefined> {
    try {
      const command = new HeadObjectCommand(this.#at(key));
      const { LastModified } = await this.#client.send(command, { abortSignal: this.#signal });
      return LastModified ?? new Date(0);
    } catch (error) {
      if (error instanceof S3ServiceException && error.$metadata.httpStatusCode === 404) return undefined;
      throw this.#failure(key, error);
    }
  }

  async touch(key: string): Promise<void> {
    await this.#ask(key, () =>
      this.#client.send(
        new CopyObjectCommand({
          ...this.#at(key),
          CopySource: encodeURI(`${this.#options.bucket}/${key}`),
          Metadata: { 'updated-at': new Date().toISOString() },
          MetadataDirective: 'REPLACE',
        }),
        { abortSignal: this.#signal },
      ),
    );
  }

  /** Writes an object, in parts where it is large. */
  async write(
    key: string,
    content: AsyncIterable<Uint8Array>,
    onBytes: (done: number) => void = () => {},
  ): Promise<void> {
    // The SDK does not tell of a source that failed: such an object must not be finished.
    const body = new PassThrough();
    const upload = new Upload({
      client: this.#client,
      params: { ...this.#at(key), Body: body },
      queueSize: 2,
    });
    upload.on('httpUploadProgress', ({ loaded }) => onBytes(loaded ?? 0));
    const abort = (): void => void upload.abort().catch(() => {});
    this.#signal.addEventListener('abort', abort, { once: true });
    const source = pipeline(Readable.from(content), body).catch(async error => {
      await upload.abort().catch(() => {});
      throw error;
    });
    try {
      const [read, sent] = await Promise.allSettled([source, upload.done()]);
      this.#signal.throwIfAborted();
      if (read.status === 'rejected' && read.reason instanceof StagecraftError) throw read.reason;
      if (sent.status === 'rejected') throw this.#failure(key, sent.reason);
      if (read.status === 'rejected') throw this.#failure(key, read.reason);
    } finally {
      this.#signal.removeEventListener('abort', abort);
    }
  }

  close(): void {
    this.#client.destroy();
  }

  #at(key: string): { Bucket: string; Key: string } {
    return { Bucket: this.#options.bucket, Key: key };
  }

  async #ask<T>(key: string, question: () => Promise<T>): Promise<T> {
    try {
      return await question();
    } catch (error) {
      throw this.#failure(key, error);
    }
  }

  #failure(key: string, error: unknown): unknown {
    if (this.#signal.aborted || error instanceof StagecraftError || !(error instanceof Error)) return error;
    const what = `${key} in the bucket ${this.#options.bucket}`;
    if (error instanceof S3ServiceException && error.$metadata.httpStatusCode === 404)
      return new StagecraftError('not-found', `There is no ${what}.`, { cause: error });
    // Its message may be empty, as for a refused connection on every address.
    const reason = error.message || error.name;
    return new StagecraftError('io', `S3 does not give or take ${what}: ${reason}.`, {
      cause: error,
      hint: 'Check the bucket, its region, the endpoint and the credentials.',
    });
  }
}

/** Reads what a cache in S3 knows. @throws StagecraftError `not-found`, `integrity`, `io` */
export async function readS3Cache(options: S3Options, signal: AbortSignal): Promise<ImportedCache> {
  const bucket = new Bucket(options, signal);
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of bucket.read(bucket.manifestKey(options.names[0]!))) {
    chunks.push(chunk);
    length += chunk.length;
    if (length > configLimit) throw new StagecraftError('integrity', 'The cache config in S3 is too long.');
  }
  return readAnnotated(Buffer.concat(chunks), ({ digest }, from) => {
    if (!isDigest(digest)) throw new StagecraftError('integrity', `The cache has no digest ${digest}.`);
    return bucket.read(bucket.blobKey(digest), from);
  });
}

/** Writes a cache into S3. */
export function s3Target(options: S3Options, signal: AbortSignal): CacheTarget {
  const bucket = new Bucket(options, signal);
  const has = async ({ digest, size }: Descriptor): Promise<boolean> => {
    const key = bucket.blobKey(digest);
    const written = await bucket.lastModified(key);
    if (written === undefined) return false;
    if (Date.now() - written.getTime() <= options.touchRefresh) return true;
    // What cannot be copied in one go is sent again.
    if (size > mostCopied) return false;
    await bucket.touch(key);
    return true;
  };
  return {
    has,
    async sendLayers(layers, status) {
      await forEachAtOnce(layers, options.uploadParallelism, async ({ descriptor, read }) => {
        const { digest, size } = descriptor;
        const isThere = await has(descriptor);
        if (!isThere) await bucket.write(bucket.blobKey(digest), read(0), done => status(digest, done, size));
        status(digest, size, size);
      });
    },
    async finish(config, layers) {
      const bytes = writeAnnotated(config, layers);
      for (const name of options.names) await bucket.write(bucket.manifestKey(name), once(bytes));
      bucket.close();
      return undefined;
    },
  };
}
