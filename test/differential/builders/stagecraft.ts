import { type Image, readImage } from '../../support/images.ts';
import type { Workspace } from '../../support/workspace.ts';
import type { Case } from '../case.ts';
import { type Builder, flagsOf, parentsOf, type Result } from './builder.ts';

/** The program under test; the image `busybox` must be in its store. */
export class Stagecraft implements Builder {
  readonly name = 'Stagecraft';
  readonly #work: Workspace;

  constructor(work: Workspace) {
    this.#work = work;
  }

  async build(id: string, each: Case, context: string): Promise<Result> {
    for (const [name, file] of parentsOf(each, context))
      await this.#work.ok('build', '-t', name, '-f', file, context);
    const layout = this.#work.path(`ours-${id}`);
    const output = ['-t', 'case:latest', '-o', `type=oci,tar=false,compression=uncompressed,dest=${layout}`];
    const args = ['build', '--progress=plain', ...output, ...flagsOf(each, context), context];
    const outcome = await this.#work.stagecraft(args);
    let image: Promise<Image> | undefined;
    return {
      outcome,
      image: () => {
        image ??= readImage(layout, this.#work.path(`ours-${id}-files`));
        return image;
      },
    };
  }
}
