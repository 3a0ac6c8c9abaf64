import { Docker } from '../../support/docker.ts';
import { makeLayout } from '../../support/docker-archive.ts';
import { readImage } from '../../support/images.ts';
import type { Workspace } from '../../support/workspace.ts';
import type { Case } from '../case.ts';
import { type Builder, flagsOf, parentsOf, type Result } from './builder.ts';

/** The BuildKit of Docker, in an engine of its own. */
export class DockersBuildKit implements Builder {
  readonly name = 'Docker';
  readonly #work: Workspace;
  readonly #docker: Docker;
  readonly #base: () => Promise<string>;
  #loaded: Promise<unknown> | undefined;

  /** @param base the archive of the image `busybox` */
  constructor(work: Workspace, base: () => Promise<string>) {
    this.#work = work;
    this.#docker = new Docker(work);
    this.#base = base;
  }

  async build(id: string, each: Case, context: string): Promise<Result> {
    this.#loaded ??= this.#base().then(file => this.#docker.ok('load', '-i', file));
    await this.#loaded;
    // The engine has no network of its own to give.
    const build = ['build', '--network=host'];
    for (const [name, file] of parentsOf(each, context))
      await this.#docker.ok(...build, '-t', name, '-f', file, context);
    const tag = `case:${id}`;
    const outcome = await this.#docker.try(...build, '-t', tag, ...flagsOf(each, context), context);
    const image = async () => {
      const layout = this.#work.path(`docker-${id}`);
      await this.#docker.ok('save', '-o', `${layout}.tar`, tag);
      await makeLayout(`${layout}.tar`, layout);
      return readImage(layout, this.#work.path(`docker-${id}-files`));
    };
    return { outcome, image };
  }
}
