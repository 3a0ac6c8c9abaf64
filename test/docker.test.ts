import assert from 'node:assert/strict';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { cases } from './support/cases.ts';
import { contextOf } from './support/context.ts';
import { Docker, needsDocker } from './support/docker.ts';
import { compareTrees, dropMountpoints, readImage } from './support/images.ts';
import { needs } from './support/needs.ts';
import { tool } from './support/program.ts';
import { Workspace } from './support/workspace.ts';

const skip = needsDocker || needs('root', 'busybox', 'skopeo', 'umoci', 'getcap', 'setcap', 'tar');

suite('the same Dockerfile by Docker and here', { skip }, () => {
  const work = new Workspace();
  const docker = new Docker(work);
  for (const [index, each] of cases.entries()) {
    test(each.name, async () => {
      const context = await contextOf(work, each);
      const tag = `case:${index}`;
      const parent = ['-t', 'parent', '-f', join(context, 'parent.Dockerfile'), context];
      const theirs = async () => {
        if (each.parent !== undefined) await docker.ok('build', '--network=host', ...parent);
        await docker.ok('build', '--network=host', '-t', tag, ...(each.args ?? []), context);
        const archive = work.path(`docker-${index}.tar`);
        const layout = work.path(`docker-${index}`);
        await docker.ok('save', '-o', archive, tag);
        await tool(
          'skopeo',
          '--insecure-policy',
          'copy',
          `docker-archive:${archive}`,
          `oci:${layout}:latest`,
        );
        const { tree } = await readImage(layout, work.path(`docker-${index}-files`));
        // What Docker knows and OCI does not is lost on the way into the layout.
        const [{ Config: name }] = JSON.parse(await tool('tar', '-xOf', archive, 'manifest.json'));
        return { tree, config: JSON.parse(await tool('tar', '-xOf', archive, name)) };
      };
      const ours = async () => {
        if (each.parent !== undefined) await work.ok('build', ...parent);
        const layout = work.path(`ours-${index}`);
        await work.build(context, [
          '-t',
          'case',
          '-o',
          `type=oci,tar=false,dest=${layout}`,
          ...(each.args ?? []),
        ]);
        return readImage(layout, work.path(`ours-${index}-files`));
      };
      const [ourImage, theirImage] = await Promise.all([ours(), theirs()]);
      // BuildKit came to remove these after the version that Debian's Docker has.
      dropMountpoints(theirImage.tree, ['/etc', ...(each.mountpoints ?? [])]);
      assert.deepEqual(compareTrees(ourImage.tree, theirImage.tree), []);
      assert.deepEqual(
        comparable(ourImage.config as Config),
        comparable(theirImage.config as unknown as Config),
      );
    });
  }
});

interface Config {
  architecture: string;
  os: string;
  rootfs: { diff_ids: string[] };
  config: Record<string, unknown>;
  history: { created_by: string; empty_layer?: boolean; comment?: string; author?: string }[];
}

/** What of a configuration must be the same: all but the times and the digests of layers, which depend on times. */
function comparable({ config, history, architecture, os, rootfs }: Config): unknown {
  const said = Object.entries(config).filter(([, value]) => !isNothing(value));
  return {
    architecture,
    os,
    layers: rootfs.diff_ids.length,
    container: Object.fromEntries(said.sort(([a], [b]) => a.localeCompare(b))),
    history: history.map(entry => ({
      ...{ empty: entry.empty_layer === true, comment: entry.comment, author: entry.author },
      createdBy: wordsThatStay(entry.created_by),
    })),
  };
}

/**
 * BuildKit changed some words of the history after the version that Debian's Docker has: flags are told too, an argument
 * with the value that it got, ports and checks in another notation.
 */
function wordsThatStay(createdBy: string): string {
  return createdBy.replace(/^(COPY|ADD)( --\S+)+/, '$1').replace(/^(ARG \w+|EXPOSE|HEALTHCHECK)\b.*/, '$1');
}

/** Docker writes fields that say nothing; what reads them takes them as missing. */
function isNothing(value: unknown): boolean {
  return value === null || value === '' || value === false || (Array.isArray(value) && value.length === 0);
}
