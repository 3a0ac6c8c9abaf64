import { mkdirSync } from 'node:fs';
import type { Workspace } from './workspace.ts';

/** A server that speaks S3 (s3rver) with one bucket, `cache`, whose files lie in a directory. */
export async function startS3(work: Workspace): Promise<{ endpoint: string; directory: string }> {
  const { default: S3rver } = await import('s3rver');
  const directory = work.path('s3');
  mkdirSync(directory);
  const server = new S3rver({
    port: 0,
    address: '127.0.0.1',
    silent: true,
    directory,
    configureBuckets: [{ name: 'cache', configs: [] }],
  });
  const { port } = await server.run();
  work.atEnd(() => server.close());
  return { endpoint: `http://127.0.0.1:${port}`, directory };
}
