import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { needsBuildah } from '../support/buildah.ts';
import { needsDocker } from '../support/docker.ts';
import { compareTrees, dropMountpoints, type Image } from '../support/images.ts';
import { needs } from '../support/needs.ts';
import { Workspace } from '../support/workspace.ts';
import { BuildahBuilder } from './builders/buildah.ts';
import { type Builder, contextOf, makeBase, type Result } from './builders/builder.ts';
import { BuildKit } from './builders/buildkit.ts';
import { DockersBuildKit } from './builders/docker.ts';
import { Stagecraft } from './builders/stagecraft.ts';
import type { Case } from './case.ts';
import { asBuildahs, asBuildKits, asDockers } from './config.ts';
import { topics } from './topics.ts';

const skip = needsDocker || needsBuildah || needs('busybox', 'umoci', 'skopeo', 'setcap', 'setfattr', 'tar');

/** Another builder, and how its images are compared with ours. */
interface Peer {
  readonly id: 'docker' | 'buildah' | 'buildkit';
  readonly builder: Builder;
  /** Where it leaves empty files and directories, beside the mount points of the case. */
  readonly leftovers: readonly string[];
  readonly comparable: (config: object) => unknown;
}

suite('the same Dockerfile by other builders and here', { skip }, () => {
  const work = new Workspace();
  let made: Promise<string> | undefined;
  const base = () => {
    made ??= makeBase(work);
    return made;
  };
  const ours = new Stagecraft(work);
  const peers: Peer[] = [
    {
      id: 'docker',
      builder: new DockersBuildKit(work, base),
      // BuildKit came to remove these after the version that Debian's Docker has.
      leftovers: ['/etc'],
      comparable: asDockers,
    },
    {
      id: 'buildah',
      builder: new BuildahBuilder(work, base),
      leftovers: ['/etc/hostname', '/etc/hosts', '/etc/resolv.conf', '/etc', '/run'],
      comparable: asBuildahs,
    },
  ];
  // The newest one, where somebody runs it.
  if (process.env.BUILDKIT_HOST !== undefined)
    peers.splice(0, 2, {
      id: 'buildkit',
      builder: new BuildKit(work, base),
      leftovers: [],
      comparable: asBuildKits,
    });

  for (const topic of topics)
    suite(topic.name, { concurrency: 2 }, () => {
      for (const [index, each] of topic.cases.entries())
        test(each.name, async () => {
          await base();
          const id = `${topic.name.toLowerCase().replaceAll(/\W+/g, '-')}-${index}`;
          const context = await contextOf(work, each);
          const here = await ours.build(id, each, context);
          if (each.refused === undefined) assert.equal(here.outcome.code, 0, here.outcome.stderr);
          else {
            assert.equal(here.outcome.code, 1, 'it is built here');
            assert.match(here.outcome.stderr, each.refused);
          }
          for (const peer of peers.filter(({ id }) => each.without?.[id] === undefined))
            await compare(each, here, await peer.builder.build(id, each, context), peer);
        });
    });
});

/** Both must have made the same image, or both refused what nobody should build. */
async function compare(each: Case, here: Result, there: Result, peer: Peer): Promise<void> {
  const { name } = peer.builder;
  if (each.refused !== undefined) {
    assert.notEqual(there.outcome.code, 0, `${name} builds it`);
    return;
  }
  assert.equal(there.outcome.code, 0, `${name} does not build it:\n${there.outcome.stderr}`);
  const [ours, theirs]: Image[] = [await here.image(), await there.image()];
  dropMountpoints(theirs!.tree, [...peer.leftovers, ...(each.mountpoints ?? [])], ours!.tree);
  const files = compareTrees(ours!.tree, theirs!.tree);
  assert.deepEqual({ name, files }, { name, files: [] });
  const [ourConfig, theirConfig] = [peer.comparable(ours!.config), peer.comparable(theirs!.config)];
  assert.deepEqual({ name, is: ourConfig }, { name, is: theirConfig });
}
