import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { Buildah, needsBuildah } from './support/buildah.ts';
import { cases } from './support/cases.ts';
import { contextOf } from './support/context.ts';
import { compareTrees, dropMountpoints, readImage } from './support/images.ts';
import { needs } from './support/needs.ts';
import { Workspace } from './support/workspace.ts';

const skip = needsBuildah || needs('busybox', 'skopeo', 'umoci', 'getcap', 'setcap', 'tar');

/** What Buildah leaves where it mounted something, each file and directory of it empty. */
const ownFiles = ['/etc/hostname', '/etc/hosts', '/etc/resolv.conf', '/etc', '/run'];

suite('the same Dockerfile by Buildah and here', { skip }, () => {
  const work = new Workspace();
  const buildah = new Buildah(work);

  for (const [index, each] of cases.filter(({ buildah }) => buildah).entries()) {
    test(each.name, async () => {
      const context = await contextOf(work, each);
      const [ourLayout, theirLayout] = [work.path(`ours-${index}`), work.path(`theirs-${index}`)];
      await buildah.build(context, theirLayout, each.args ?? []);
      await work.build(context, [
        '-t',
        'case',
        '-o',
        `type=oci,tar=false,dest=${ourLayout}`,
        ...(each.args ?? []),
      ]);
      const ours = await readImage(ourLayout, work.path(`ours-${index}-files`));
      const theirs = await readImage(theirLayout, work.path(`theirs-${index}-files`));
      dropMountpoints(theirs.tree, [...ownFiles, ...(each.mountpoints ?? [])]);
      assert.deepEqual(compareTrees(ours.tree, theirs.tree), []);
    });
  }
});
