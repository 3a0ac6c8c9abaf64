import { writeFileSync } from 'node:fs';
import { busyboxFile } from '../../support/busybox.ts';
import type { Image } from '../../support/images.ts';
import { type Outcome, tool } from '../../support/program.ts';
import type { Workspace } from '../../support/workspace.ts';
import type { Case } from '../case.ts';

/** What became of a case: an image, or a refusal. */
export interface Result {
  readonly outcome: Outcome;
  /** What was built; fails where nothing was. */
  readonly image: () => Promise<Image>;
}

/** A way to make an image of a Dockerfile. */
export interface Builder {
  readonly name: string;
  /** Builds a case from a context that holds its files; `id` is a word that no other case has. */
  build(id: string, each: Case, context: string): Promise<Result>;
}

/** The tools of the image `busybox`: those that cases use, as each more is one more file to unpack and compare. */
const tools =
  'awk cat chmod chown cp cut dd env find grep head id ln ls mkdir mkfifo mknod mv printf pwd rm rmdir seq sh sleep sort stat tail test touch tr true false umask vi wc xargs';

/** The image that all cases stand on: one static program under many names. */
const base = `FROM scratch
COPY --chmod=755 busybox /bin/busybox
RUN ["/bin/busybox", "sh", "-c", "for tool in ${tools}; do /bin/busybox ln -s busybox /bin/$tool; done"]
`;

/** Makes the image `busybox` here; returns an archive of it that all can load. */
export async function makeBase(work: Workspace): Promise<string> {
  const file = work.path('busybox.tar');
  const context = work.context({ Dockerfile: base, busybox: busyboxFile });
  await work.build(context, ['-t', 'busybox', '-o', 'type=image', '-o', `type=docker,dest=${file}`]);
  return file;
}

/** Writes the build context of a case. All its files are as old as each other, so that only what a build makes is new. */
export async function contextOf(work: Workspace, each: Case): Promise<string> {
  const context = work.context({ Dockerfile: each.dockerfile, ...each.files });
  each.prepare?.(context);
  await tool('find', context, '-exec', 'touch', '--no-dereference', '-d', '2010-01-01', '{}', '+');
  return context;
}

export function flagsOf(each: Case, context: string): string[] {
  return (each.flags ?? []).map(flag => flag.replace('@', context));
}

/** The images that a case wants before, each with a file that its Dockerfile is in. */
export function parentsOf({ parents = {} }: Case, context: string): [name: string, file: string][] {
  return Object.entries(parents).map(([name, dockerfile]) => {
    const file = `${context}-${name}.Dockerfile`;
    writeFileSync(file, dockerfile);
    return [name, file];
  });
}
