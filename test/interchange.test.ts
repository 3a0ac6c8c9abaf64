import assert from 'node:assert/strict';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { contextOf, flagsOf, makeBase } from './differential/builders/builder.ts';
import { BuildKit } from './differential/builders/buildkit.ts';
import { topics } from './differential/topics.ts';
import { busyboxFile } from './support/busybox.ts';
import { Docker, needsDocker } from './support/docker.ts';
import { needs } from './support/needs.ts';
import { tool } from './support/program.ts';
import { Registry } from './support/registry.ts';
import { type Build, type Files, Workspace } from './support/workspace.ts';

/** Where BuildKit knows other things than we do. */
const own = new Set([
  // It takes them along.
  'extended attributes of the context do not come along',
  // It shares nothing that stands on nothing.
  'the last one is in the configuration, made or not by a step',
]);

/** Steps that ran, though a cache was there. */
const ran = ({ steps }: Build): string[] =>
  steps
    .filter(step => !step.cached && / (RUN|COPY|ADD|WORKDIR) /.test(step.name))
    .map(step => step.name.replace(/^.*?\] /, ''));

suite('caches of other builders', () => {
  const work = new Workspace();

  // Its BuildKit is of 2021: processes, patterns and owners have other keys there than in later versions.
  test('inline: Docker’s here, and ours there', {
    skip: needsDocker || needs('busybox', 'docker-registry'),
  }, async () => {
    const registry = await Registry.start(work);
    const docker = new Docker(work);
    const base = `${registry.host}/base:1`;
    const tools = work.context({
      Dockerfile: 'FROM scratch\nCOPY busybox /bin/sh\nCOPY busybox /x\n',
      busybox: busyboxFile,
    });
    await work.build(tools, ['--push', '-t', base]);
    const dockerfile = `FROM ${base} AS files
COPY one /files/one
WORKDIR /work
FROM ${base}
COPY two more /copies/
COPY --from=files /files /files
ADD three /three/
WORKDIR /end
`;
    const files = (one: string): Files => ({
      Dockerfile: dockerfile,
      one,
      two: 'two',
      'more/x': 'x',
      'three/y': 'y',
    });
    const [theirs, ours] = [`${registry.host}/app:docker`, `${registry.host}/app:stagecraft`];
    const build = ['build', '--progress=plain'];
    const inline = ['--build-arg', 'BUILDKIT_INLINE_CACHE=1'];

    await docker.ok(...build, ...inline, '-t', theirs, work.context(files('1')));
    await docker.ok('push', theirs);
    const from = ['--cache-from', theirs, '-o', 'type=cacheonly'];
    assert.deepEqual(ran(await new Workspace().build(files('1'), from)), []);
    // What only the other stage has is not in the image, and so not in its cache.
    assert.deepEqual(ran(await new Workspace().build(files('2'), from)), [
      'COPY one /files/one',
      'WORKDIR /work',
      'COPY --from=files /files /files',
      'ADD three /three/',
      'WORKDIR /end',
    ]);

    await new Workspace().build(files('3'), [...inline, '--push', '-t', ours]);
    const cachedSteps = async (one: string): Promise<string[]> => {
      const { code, stderr } = await docker.try(...build, '--cache-from', ours, work.context(files(one)));
      assert.equal(code, 0, stderr);
      const names = new Map(
        [...stderr.matchAll(/^(#\d+) \[.*?\] (.*)$/gm)].map(([, id, name]) => [id, name!]),
      );
      return [...stderr.matchAll(/^(#\d+) CACHED$/gm)].map(([, id]) => names.get(id)!);
    };
    const found = [
      'COPY two more /copies/',
      'COPY --from=files /files /files',
      'ADD three /three/',
      'WORKDIR /end',
    ];
    for (const name of found) assert.ok((await cachedSteps('3')).includes(name), name);
    assert.ok(!(await cachedSteps('4')).includes('WORKDIR /end'));
  });

  let cases = 0;
  // A newer BuildKit, where somebody runs it, must agree on every step.
  if (process.env.BUILDKIT_HOST !== undefined)
    for (const topic of topics)
      suite(topic.name, { concurrency: 2 }, () => {
        const base = makeBase(work);
        const buildkit = new BuildKit(work, () => base);
        for (const [index, each] of topic.cases.entries()) {
          if (each.refused !== undefined || each.without?.buildkit !== undefined) continue;
          // A parent that is made once more is another image.
          if (each.parents !== undefined || own.has(each.name)) continue;
          test(each.name, async () => {
            const id = `caches-${topic.name.toLowerCase().replaceAll(/\W+/g, '-')}-${index}`;
            const context = await contextOf(work, each);
            // BuildKit takes a file of the same path, size and time for the one that another case had.
            cases += 1;
            const time = new Date(cases * 1000).toISOString();
            await tool('find', context, '-exec', 'touch', '--no-dereference', '-d', time, '{}', '+');
            const [theirs, ours] = [work.path(`${id}-theirs`), work.path(`${id}-ours`)];
            const to = ['--export-cache', `type=local,mode=max,dest=${theirs}`];
            const { outcome } = await buildkit.build(id, each, context, to);
            assert.equal(outcome.code, 0, outcome.stderr);
            const store = new Workspace();
            await store.ok('load', '-i', await base);
            const args = [...flagsOf(each, context), '-o', 'type=cacheonly'];
            const found = await store.build(context, [...args, '--cache-from', `type=local,src=${theirs}`]);
            assert.deepEqual(ran(found), []);
            rmSync(store.store, { recursive: true });
            await store.ok('load', '-i', await base);
            await store.build(context, [...args, '--cache-to', `type=local,mode=max,dest=${ours}`]);
            const [we, they] = [recordsIn(ours), recordsIn(theirs)];
            // Either may know more ways to a result.
            assert.deepEqual([missing(we, they), missing(they, we)], [[], []]);
          });
        }
      });
});

/** A record by its digest, with those that each of its inputs may be. */
interface Known {
  readonly digest: string;
  readonly inputs: readonly ReadonlySet<string>[];
}

/** The records in a directory; none where nothing was worth being written. */
function recordsIn(directory: string): Known[] {
  if (!existsSync(join(directory, 'index.json'))) return [];
  const blob = (digest: string) =>
    JSON.parse(readFileSync(join(directory, 'blobs', digest.replace(':', '/')), 'utf8'));
  const { manifests } = JSON.parse(readFileSync(join(directory, 'index.json'), 'utf8'));
  const { records } = blob(blob(manifests.at(-1).digest).config.digest);
  return records.map(({ digest, inputs = [] }: { digest: string; inputs?: Link[][] }) => ({
    digest,
    inputs: inputs.map(
      links => new Set(links.map(({ link = 0, selector }) => `${records[link].digest} ${selector ?? ''}`)),
    ),
  }));
}

interface Link {
  readonly link?: number;
  readonly selector?: string;
}

/**
 * The results of which none would be found by what others say of them. That a daemon also tells of results of its earlier
 * builds does not count, where they are of the same operation.
 */
function missing(wanted: readonly Known[], known: readonly Known[]): Known[] {
  const found = wanted.filter(({ digest, inputs }) =>
    known.some(
      each =>
        each.digest === digest &&
        each.inputs.every((links, i) => [...links].some(link => inputs[i]?.has(link))),
    ),
  );
  const digests = new Set(found.map(({ digest }) => digest));
  return wanted.filter(({ digest, inputs }) => inputs.length > 0 && !digests.has(digest));
}
