import { Buildah } from '../../support/buildah.ts';
import { makeLayout } from '../../support/docker-archive.ts';
import { readImage } from '../../support/images.ts';
import type { Workspace } from '../../support/workspace.ts';
import type { Case } from '../case.ts';
import { type Builder, flagsOf, parentsOf, type Result } from './builder.ts';

/** Buildah, with storage of its own. */
export class BuildahBuilder implements Builder {
  readonly name = 'Buildah';
  readonly #work: Workspace;
  readonly #buildah: Buildah;
  readonly #base: () => Promise<string>;
  #loaded: Promise<unknown> | undefined;

  /** @param base the archive of the image `busybox` */
  constructor(work: Workspace, base: () => Promise<string>) {
    this.#work = work;
    this.#buildah = new Buildah(work);
    this.#base = base;
  }

  async build(id: string, each: Case, context: string): Promise<Result> {
    this.#loaded ??= this.#base().then(file => this.#buildah.load(file));
    await this.#loaded;
    for (const [name, file] of parentsOf(each, context))
      await this.#buildah.build(context, name, ['-f', file]);
    const outcome = await this.#buildah.tryBuild(context, `case:${id}`, flagsOf(each, context));
    const image = async () => {
      const layout = this.#work.path(`buildah-${id}`);
      await this.#buildah.save(`case:${id}`, `${layout}.tar`);
      await makeLayout(`${layout}.tar`, layout);
      return readImage(layout, this.#work.path(`buildah-${id}-files`));
    };
    return { outcome, image };
  }
}
