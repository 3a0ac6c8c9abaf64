import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { normalizePlatform, parsePlatform } from '../image/platform.ts';
import { StagecraftError } from '../util/errors.ts';
import { amd64, plan } from './testing.ts';
import type { FrontendRequest } from './types.ts';

// What BuildKit 0.32 says of some 1,500 Dockerfiles over the whole language: the digest of the last vertex of the
// graph (as in buildkit.test.ts) and of the image's config, or the line of its error, 0 where it names none. Digests
// are cut to 16 digits. The last element of a case is what the build was asked for.
type Options = Readonly<Record<string, string>>;
const facts: {
  accepted: [dockerfile: string, graph: string, config: string, options?: Options][];
  refused: [dockerfile: string, line: number, options?: Options][];
} = JSON.parse(readFileSync(new URL('conformity.json', import.meta.url), 'utf8'));

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

test('what BuildKit accepts is accepted, with the same graph and config', async () => {
  for (const [dockerfile, graph, config, options] of facts.accepted) {
    const planned = await plan(dockerfile, requestFor(options));
    const where = JSON.stringify([dockerfile, options]);
    assert.equal(planned.graph.target?.digest.slice(7, 23) ?? '', graph, where);
    const { rootfs: _, created: _created, history, ...rest } = planned.config;
    const compared = sorted({ ...rest, ...(history?.length && { history }) });
    assert.equal(sha256(JSON.stringify(compared)).slice(0, 16), config, where);
  }
});

test('what BuildKit refuses is refused, at the same line', async () => {
  for (const [dockerfile, line, options] of facts.refused) {
    await assert.rejects(
      plan(dockerfile, requestFor(options)),
      (error: unknown) => {
        assert.ok(error instanceof StagecraftError, String(error));
        if (line > 0) assert.equal(error.range?.start.line, line, JSON.stringify([dockerfile, options]));
        return true;
      },
      JSON.stringify([dockerfile, options]),
    );
  }
});

/** Any image exists, and is like this one. */
function requestFor(options: Options = {}): Partial<FrontendRequest> {
  const args = Object.entries(options).filter(([name]) => name.startsWith('build-arg:'));
  const { platform, target } = options;
  return {
    target,
    buildArgs: new Map(args.map(([name, value]) => [name.slice('build-arg:'.length), value])),
    targetPlatform: platform === undefined ? amd64 : normalizePlatform(parsePlatform(platform)),
    implicitPlatform: platform === undefined,
    resolveImage: async (name, { os, architecture, variant }) => ({
      name,
      digest: `sha256:${sha256(`manifest of ${name}`)}`,
      config: {
        os,
        architecture,
        ...(variant && { variant }),
        config: { Env: ['PATH=/usr/bin:/bin', 'LANG=C.UTF-8'], Cmd: ['bash'] },
        rootfs: { type: 'layers', diff_ids: [`sha256:${sha256(name)}`] },
        history: [{ created_by: 'base' }],
      },
    }),
  };
}

/** With the keys of all objects in order, and without those that have no value. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).filter(([, each]) => each !== undefined);
  return Object.fromEntries(
    entries.sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, each]) => [key, sorted(each)]),
  );
}
