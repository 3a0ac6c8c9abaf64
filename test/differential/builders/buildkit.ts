import { mkdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { readImage } from '../../support/images.ts';
import { type Outcome, run, tool } from '../../support/program.ts';
import type { Workspace } from '../../support/workspace.ts';
import type { Case } from '../case.ts';
import { type Builder, flagsOf, parentsOf, type Result } from './builder.ts';

/** How `buildctl` calls the flags of a build. */
const options: Readonly<Record<string, (value: string) => string[]>> = {
  '--build-arg': value => ['--opt', `build-arg:${value}`],
  '--label': value => ['--opt', `label:${value}`],
  '--network': value => ['--opt', `force-network-mode=${value}`],
  '--platform': value => ['--opt', `platform=${value}`],
  '--secret': value => ['--secret', value],
  '--target': value => ['--opt', `target=${value}`],
};

/** A BuildKit daemon that somebody started, by `buildctl` at the address in `BUILDKIT_HOST`. */
export class BuildKit implements Builder {
  readonly name = 'BuildKit';
  readonly #work: Workspace;
  readonly #base: () => Promise<string>;

  /** @param base what makes the image `busybox` in the store */
  constructor(work: Workspace, base: () => Promise<string>) {
    this.#work = work;
    this.#base = base;
  }

  /** @param more words for `buildctl` */
  async build(id: string, each: Case, context: string, more: readonly string[] = []): Promise<Result> {
    await this.#base();
    // The images come as layouts that we wrote: the daemon has no store of images.
    const images: string[] = [];
    for (const [name, file] of [['busybox', ''] as const, ...parentsOf(each, context)]) {
      if (file !== '') await this.#work.ok('build', '-t', name, '-f', file, context);
      const layout = this.#work.path(`buildkit-${id}-${name}`);
      mkdirSync(layout);
      await this.#work.ok('save', '--format', 'oci', '-o', `${layout}.tar`, name);
      await tool('tar', '-C', layout, '-xf', `${layout}.tar`);
      images.push('--oci-layout', `${name}=${layout}`);
      images.push('--opt', `context:${name}=oci-layout://${name}@${digestOf(layout)}`);
    }
    const layout = this.#work.path(`buildkit-${id}`);
    const output = ['-o', `type=oci,tar=false,dest=${layout},name=case:latest`];
    const outcome = await this.#buildctl(...optionsOf(each, context), ...images, ...output, ...more);
    return { outcome, image: () => readImage(layout, this.#work.path(`buildkit-${id}-files`)) };
  }

  #buildctl(...args: readonly string[]): Promise<Outcome> {
    const env = { BUILDKIT_HOST: process.env.BUILDKIT_HOST! };
    return run(['buildctl', 'build', '--progress=plain', '--frontend=dockerfile.v0', ...args], { env });
  }
}

function optionsOf(each: Case, context: string): string[] {
  const flags = flagsOf(each, context);
  const file = flags.includes('-f') ? flags[flags.indexOf('-f') + 1]! : join(context, 'Dockerfile');
  const words = ['--local', `context=${context}`, '--local', `dockerfile=${dirname(file)}`];
  words.push('--opt', `filename=${file.slice(dirname(file).length + 1)}`);
  for (let index = 0; index < flags.length; index += 2)
    words.push(...(options[flags[index]!]?.(flags[index + 1]!) ?? []));
  return words;
}

function digestOf(layout: string): string {
  return JSON.parse(readFileSync(join(layout, 'index.json'), 'utf8')).manifests[0].digest;
}
