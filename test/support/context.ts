import { busyboxFile } from './busybox.ts';
import { type Case, dockerfileOf } from './cases.ts';
import { tool } from './program.ts';
import type { Workspace } from './workspace.ts';

/** Writes the build context of a case. All its files are as old as each other, so that only what a build makes is new. */
export async function contextOf(work: Workspace, each: Case): Promise<string> {
  const context = work.context({
    ...each.files,
    busybox: busyboxFile,
    Dockerfile: dockerfileOf(each.dockerfile),
    ...(each.parent !== undefined && { 'parent.Dockerfile': dockerfileOf(each.parent) }),
  });
  each.prepare?.(context);
  await tool('find', context, '-exec', 'touch', '--no-dereference', '-d', '2010-01-01', '{}', '+');
  return context;
}
