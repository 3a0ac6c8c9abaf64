import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { before, beforeEach, suite, test } from 'node:test';
import { build } from '../src/index.ts';
import { withBusybox } from './support/busybox.ts';
import { FaultyProxy } from './support/faulty-proxy.ts';
import { needs } from './support/needs.ts';
import { Registry } from './support/registry.ts';
import { type Build, Workspace } from './support/workspace.ts';

const skip = needs('busybox', 'docker-registry', 'htpasswd', 'openssl', 'curl');

suite('a registry that breaks or lies', { skip }, () => {
  const work = new Workspace();
  let proxy: FaultyProxy;

  before(async () => {
    const registry = await Registry.start(work);
    const big = randomBytes(3 << 20);
    const context = { ...withBusybox('FROM scratch\nCOPY --from=busybox /bin /bin\nCOPY big /big\n'), big };
    await work.build(context, ['-t', `${registry.host}/base:1`, '--push']);
    proxy = await FaultyProxy.start(work, registry.host);
  });

  beforeEach(() => {
    proxy.fault = () => false;
    proxy.breaks = () => false;
    proxy.limit = Number.POSITIVE_INFINITY;
    proxy.asked.length = 0;
  });

  /** Builds on the image with an empty store, which holds nothing new if that fails. */
  const tryBuild = async (args: string[] = [], env = {}): Promise<Build> => {
    const fresh = new Workspace();
    const dockerfile = `FROM ${proxy.host}/base:1\nRUN test "$(wc -c </big)" = ${3 << 20}\n`;
    const result = await fresh.tryBuild({ Dockerfile: dockerfile }, args, { env: fresh.env(env) });
    if (result.code !== 0) {
      assert.deepEqual(readdirSync(join(fresh.store, 'ingest')), []);
      assert.deepEqual(readdirSync(join(fresh.store, 'layers')), []);
    }
    return result;
  };
  const isBlob = (url: string | undefined): boolean => /\/blobs\/sha256:/.test(url ?? '');
  const isUpload = (url: string | undefined): boolean => /\/blobs\/uploads\//.test(url ?? '');
  const isManifest = (url: string | undefined): boolean => /\/manifests\//.test(url ?? '');

  test('a download that breaks goes on where it was', async () => {
    let broken = 0;
    proxy.fault = (asked, response, { status, headers, body }) => {
      if (!isBlob(asked.url) || body.length < 1 << 20 || broken++ > 1) return false;
      response.writeHead(status, headers);
      response.write(body.subarray(0, 1 << 19), () => response.destroy());
      return true;
    };
    const { code, message } = await tryBuild();
    assert.equal(code, 0, message);
    const ranges = proxy.asked.filter(each => / bytes=[1-9]/.test(each));
    assert.ok(ranges.length >= 2, proxy.asked.join('\n'));
  });

  test('what was left of a download is gone on with; where that cannot be, or is wrong, all comes anew', async () => {
    const headers = { accept: 'application/vnd.oci.image.manifest.v1+json' };
    const response = await fetch(`http://${proxy.host}/v2/base/manifests/1`, { headers });
    const { layers } = (await response.json()) as { layers: { digest: string; size: number }[] };
    const { digest } = layers.at(-1)!;
    for (const [left, status, asked] of [
      [1000, 206, ['bytes=1000-']],
      [1000, 416, ['bytes=1000-', '']],
      [5000, 206, ['bytes=5000-', '']],
    ] as const) {
      const store = new Workspace();
      await store.ok('images');
      const blob = await (await fetch(`http://${proxy.host}/v2/base/blobs/${digest}`)).bytes();
      // Only the first bytes of the longest one are what they should be.
      const part = Buffer.concat([blob.subarray(0, 1000), Buffer.alloc(left - 1000)]);
      writeFileSync(join(store.store, 'ingest', `part-${digest.slice(7)}`), part);
      proxy.asked.length = 0;
      proxy.fault = (asked, response) => {
        if (status === 206 || asked.headers.range === undefined) return false;
        response.writeHead(status).end();
        return true;
      };
      await store.ok('pull', `${proxy.host}/base:1`);
      const about = proxy.asked.filter(each => each.startsWith(`GET /v2/base/blobs/${digest}`));
      assert.deepEqual(
        about.map(each => each.split(' ')[2] ?? ''),
        asked,
      );
      assert.deepEqual(readdirSync(join(store.store, 'ingest')), []);
    }
  });

  test('a body that ends early, again and again, is given up', async () => {
    proxy.fault = (asked, response, { headers, body }) => {
      if (!isBlob(asked.url) || body.length < 1 << 20) return false;
      const { 'content-length': _, ...rest } = headers;
      response.writeHead(200, rest).end(body.subarray(0, 1000));
      return true;
    };
    assert.match((await tryBuild()).message, /ends after 1000 of \d+ bytes, again and again/);
  });

  test('a body without end is cut at the size that the manifest says', async () => {
    let sent = 0;
    proxy.fault = (asked, response, { body }) => {
      if (!isBlob(asked.url) || body.length < 1 << 20) return false;
      response.writeHead(200);
      const more = (error?: Error | null): void => {
        sent += 1 << 16;
        if (sent < 1 << 28 && !error) response.write(Buffer.alloc(1 << 16), more);
      };
      response.write(body, more);
      return true;
    };
    assert.match((await tryBuild()).message, /has more than its \d+ bytes/);
    assert.ok(sent < 1 << 26);
  });

  test('a blob with another content is refused by both digests', async () => {
    proxy.fault = (asked, response, { status, headers, body }) => {
      if (!isBlob(asked.url) || body.length < 1 << 20) return false;
      const changed = Buffer.from(body);
      changed[1000] = changed[1000]! ^ 1;
      response.writeHead(status, headers).end(changed);
      return true;
    };
    assert.match(
      (await tryBuild()).message,
      /The blob sha256:[0-9a-f]{64} was expected, but the content has the digest sha256:[0-9a-f]{64}/,
    );
  });

  const lie = async (
    change: (manifest: Record<string, unknown>) => unknown,
    headers = {},
  ): Promise<string> => {
    proxy.fault = (asked, response, original) => {
      if (!isManifest(asked.url)) return false;
      const bytes = Buffer.from(JSON.stringify(change(JSON.parse(original.body.toString()))));
      const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
      const rest = { ...original.headers, 'content-length': bytes.length, 'docker-content-digest': digest };
      response.writeHead(200, { ...rest, ...headers }).end(bytes);
      return true;
    };
    const { code, message } = await tryBuild();
    assert.equal(code, 1);
    return message;
  };

  test('a manifest that is not what its digest says', async () => {
    const message = await lie(manifest => manifest, { 'docker-content-digest': `sha256:${'0'.repeat(64)}` });
    assert.match(message, /should have the digest sha256:0+, but has sha256:/);
  });

  test('a manifest of one kind that comes as another', async () => {
    const message = await lie(manifest => manifest, {
      'content-type': 'application/vnd.oci.image.index.v1+json',
    });
    assert.match(message, /calls itself \S+manifest\S+, but the registry sent it as \S+index/);
  });

  test('a manifest that gives a layer another size', async () => {
    const message = await lie(manifest => {
      const layers = manifest.layers as { size: number }[];
      return { ...manifest, layers: layers.map(layer => ({ ...layer, size: layer.size - 1 })) };
    });
    assert.match(message, /has more than its \d+ bytes/);
  });

  test('an index without the platform', async () => {
    const message = await lie(
      manifest => ({
        schemaVersion: 2,
        mediaType: 'application/vnd.oci.image.index.v1+json',
        manifests: [{ ...(manifest.config as object), platform: { os: 'linux', architecture: 's390x' } }],
      }),
      { 'content-type': 'application/vnd.oci.image.index.v1+json' },
    );
    assert.match(message, /is not made for linux\/\w+; it is for linux\/s390x/);
  });

  test('JSON nested a million deep, and endless JSON', async () => {
    const deep = `{"a":${'['.repeat(1_000_000)}${']'.repeat(1_000_000)}}`;
    for (const text of [deep, `{"a":"${'x'.repeat(5 << 20)}"}`]) {
      proxy.fault = (asked, response) => {
        if (!isManifest(asked.url)) return false;
        response.writeHead(200, { 'content-type': 'application/vnd.oci.image.manifest.v1+json' }).end(text);
        return true;
      };
      assert.match((await tryBuild()).message, /is nested more than 1000 levels deep|is longer than 4 MiB/);
    }
  });

  /** Sends an image with a layer of three megabytes, which is then what others get. */
  const send = async (): Promise<void> => {
    sent += 1;
    const big = randomBytes(3 << 20);
    const name = `sent-${sent}:1`;
    await work.build({ Dockerfile: 'FROM scratch\nCOPY big /\n', big }, [
      ...['-t', `${proxy.host}/${name}`, '--push'],
    ]);
    await new Workspace().ok('pull', `${proxy.host}/${name}`);
  };
  let sent = 0;

  test('a blob goes in pieces where the way to the registry takes no more', async () => {
    proxy.limit = 1 << 20;
    await send();
    assert.ok(proxy.asked.filter(each => each.startsWith('PATCH')).length >= 4, proxy.asked.join('\n'));
  });

  test('an upload that breaks is begun again; where it goes on breaking, it goes in pieces that go on', async () => {
    for (const method of ['PUT', 'PATCH']) {
      const times = method === 'PUT' ? 1 : 4;
      let broken = 0;
      proxy.breaks = (asked, piece) =>
        isUpload(asked.url) &&
        (asked.method === 'PUT' || broken > 2) &&
        piece.length > 1000 &&
        broken++ < times;
      proxy.asked.length = 0;
      await send();
      assert.equal(broken > times, true);
      const asked = proxy.asked.map(each => each.split('?')[0]!);
      assert.equal(
        asked.some(each => each.startsWith('PATCH')),
        method === 'PATCH',
      );
      assert.equal(
        asked.some(each => each.startsWith('GET') && isUpload(each)),
        method === 'PATCH',
      );
    }
  });

  test('an upload of which only the answer is lost is not sent again', async () => {
    const lost = new Set<string>();
    proxy.fault = (asked, response, { status }) => {
      const blob = /digest=(sha256%3A\w+)/.exec(asked.url ?? '')?.[1];
      if (asked.method !== 'PUT' || status !== 201 || blob === undefined || lost.has(blob)) return false;
      lost.add(blob);
      response.writeHead(503, { 'retry-after': '0' }).end();
      return true;
    };
    await send();
    assert.equal(lost.size, 2);
    assert.equal(proxy.asked.filter(each => each.startsWith('POST')).length, 2);
  });

  test('builds at once fetch a blob once, in processes of their own and in one', async () => {
    const dockerfile = (n: number) => ({
      Dockerfile: `FROM ${proxy.host}/base:1\nRUN echo ${n} && wc -c /big\n`,
    });
    const here = (shared: Workspace, n: number) =>
      build({ context: shared.context(dockerfile(n)), store: shared.store, outputs: [] });
    const there = (shared: Workspace, n: number) => shared.build(dockerfile(n));
    for (const start of [there, here]) {
      proxy.asked.length = 0;
      const shared = new Workspace();
      await Promise.all([1, 2, 3].map(n => start(shared, n)));
      const blobs = proxy.asked.filter(each => each.startsWith('GET') && isBlob(each));
      // The config, and two layers.
      assert.equal(blobs.length, 3, proxy.asked.join('\n'));
      assert.equal(new Set(blobs).size, 3);
    }
  });

  test('a busy registry is asked again when it says', async () => {
    let refused = 0;
    proxy.fault = (_, response) => {
      if (refused++ > 1) return false;
      response.writeHead(429, { 'retry-after': '0' }).end();
      return true;
    };
    assert.equal((await tryBuild()).code, 0);
  });

  test('a redirect to another host gets the blob, and never the credential', async () => {
    const seen: (string | undefined)[] = [];
    const bodies = new Map<string, Buffer>();
    const elsewhere = createServer((asked, response) => {
      seen.push(asked.headers.authorization);
      response.end(bodies.get(asked.url!));
    });
    await new Promise<void>(resolve => elsewhere.listen(0, '127.0.0.1', resolve));
    work.atEnd(() => elsewhere.close());
    const { port } = elsewhere.address() as AddressInfo;
    let authorized = 0;
    proxy.fault = (asked, response, { body }) => {
      if (asked.headers.authorization === undefined) {
        response.writeHead(401, { 'www-authenticate': 'Basic realm="test"' }).end();
        return true;
      }
      authorized++;
      if (!isBlob(asked.url)) return false;
      bodies.set(asked.url!, body);
      response.writeHead(307, { location: `http://127.0.0.1:${port}${asked.url}` }).end();
      return true;
    };
    const docker = work.path('docker-config');
    const auth = Buffer.from('me:not-to-be-seen').toString('base64');
    work.write(work.directory, {
      'docker-config/config.json': JSON.stringify({ auths: { [proxy.host]: { auth } } }),
    });
    const { code, stderr } = await tryBuild([], { DOCKER_CONFIG: docker });
    assert.equal(code, 0, stderr);
    assert.ok(authorized > 2 && seen.length > 1);
    assert.deepEqual([...new Set(seen)], [undefined]);
    assert.ok(!stderr.includes('not-to-be-seen'));
  });

  test('of a shared cache that lies nothing is believed: the step runs', async () => {
    const context = withBusybox('FROM busybox\nRUN seq 300000 >/made\n');
    const ref = `type=registry,ref=${proxy.host}/cache:1`;
    await work.build(context, [
      '--cache-to',
      `${ref},mode=max,compression=uncompressed`,
      '-o',
      'type=cacheonly',
    ]);
    const isConfig = (body: Buffer): boolean => body.subarray(0, 10).toString() === '{"layers":';
    const isLayer = (body: Buffer): boolean => body.includes('299999\n300000\n');
    for (const [lie, told, isMeant] of [
      ['another layer', (body: Buffer) => Buffer.alloc(body.length), isLayer],
      ['more than the layer', (body: Buffer) => Buffer.concat([body, body]), isLayer],
      ['no layer', () => undefined, isLayer],
      ['records of another kind', () => Buffer.from('{"layers":1,"records":{}}'), isConfig],
      ['records without an end', (body: Buffer) => Buffer.alloc(body.length, '['), isConfig],
    ] as const) {
      let lies = 0;
      proxy.fault = (asked, response, { headers, body }) => {
        if (!isBlob(asked.url) || asked.headers.range !== undefined || !isMeant(body)) return false;
        lies++;
        const answer = told(body);
        if (answer === undefined) response.writeHead(404).end();
        else response.writeHead(200, { ...headers, 'content-length': answer.length }).end(answer);
        return true;
      };
      const fresh = new Workspace();
      const out = fresh.path('out');
      const { steps } = await fresh.build(context, ['--cache-from', ref, '-o', out]);
      assert.ok(lies > 0, lie);
      assert.equal(steps.find(({ name }) => name.includes('RUN seq'))!.cached, false, lie);
      assert.ok(readFileSync(join(out, 'made'), 'utf8').endsWith('299999\n300000\n'), lie);
      assert.deepEqual(readdirSync(join(fresh.store, 'ingest')), [], lie);
    }
  });
});
