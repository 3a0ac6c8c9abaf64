import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseCacheFrom, parseCacheTo } from './options.ts';

test('a cache in S3 has the attributes of BuildKit', () => {
  const { type, mounts, ...place } = parseCacheFrom(
    'type=s3,bucket=b,region=r,prefix=p/,name=one;two,endpoint_url=http://127.0.0.1:1,use_path_style=true,access_key_id=i,secret_access_key=s,session_token=t,blobs_prefix=bl/,manifests_prefix=m/,touch_refresh=1h,upload_parallelism=7,retry_mode=adaptive,retry_max_attempts=9,disable_accept_encoding=true',
    {},
  );
  assert.equal(type, 's3');
  assert.deepEqual(place, {
    bucket: 'b',
    region: 'r',
    prefix: 'p/',
    blobsPrefix: 'bl/',
    manifestsPrefix: 'm/',
    names: ['one', 'two'],
    endpoint: 'http://127.0.0.1:1',
    usePathStyle: true,
    credentials: { accessKeyId: 'i', secretAccessKey: 's', sessionToken: 't' },
    uploadParallelism: 7,
    retryMode: 'adaptive',
    maxAttempts: 9,
    touchRefresh: 3_600_000,
  });
  const env = { AWS_BUCKET: 'b', AWS_REGION: 'r' };
  for (const [more, message] of [
    ['retry_mode=often', /retry_mode is often/],
    ['retry_max_attempts=0', /retry_max_attempts is 0/],
    ['upload_parallelism=0', /upload_parallelism is 0/],
    ['colour=red', /no attribute colour/],
  ] as const)
    assert.throws(() => parseCacheTo(`type=s3,${more}`, env), message);
});

test('a cache of GitHub Actions is found by attributes or as its runners say', () => {
  const env = { ACTIONS_RESULTS_URL: 'https://results.example', ACTIONS_RUNTIME_TOKEN: 'job' };
  const { type, mounts, ...place } = parseCacheFrom('type=gha', env);
  assert.equal(type, 'gha');
  assert.deepEqual(place, {
    url: env.ACTIONS_RESULTS_URL,
    token: 'job',
    scope: 'buildkit',
    timeout: 600_000,
  });
  const {
    type: _,
    mounts: __,
    ...listed
  } = parseCacheFrom('type=gha,url_v2=https://other.example,token=t,scope=s,timeout=1m,ghtoken=g,version=2', {
    ...env,
    GITHUB_REPOSITORY: 'team/app',
  });
  assert.deepEqual(listed, {
    url: 'https://other.example',
    token: 't',
    scope: 's',
    timeout: 60_000,
    listing: { token: 'g', repository: 'team/app', url: 'https://api.github.com' },
  });
  assert.throws(() => parseCacheFrom('type=gha,version=1', env), /no version 1 any more/);
  assert.throws(() => parseCacheFrom('type=gha,ghtoken=g', env), /needs repository=/);
});
