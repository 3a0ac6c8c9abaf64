import { isForEngine, parseOutput } from '../../exporter/outputs.ts';
import type { Output } from '../../exporter/types.ts';

/** The outputs of a build, with those that `--push` and `--load` are short for, as buildx has them. */
export function readOutputs({
  output,
  push,
  load,
}: {
  readonly output: readonly string[];
  readonly push?: boolean | undefined;
  readonly load?: boolean | undefined;
}): Output[] {
  const outputs = output.map(parseOutput);
  if (push) addPush(outputs);
  if (load) addLoad(outputs);
  return outputs;
}

/** `--push` is for outputs that make an image in the store, else an output of its own. */
function addPush(outputs: Output[]): void {
  const images = outputs.filter(({ type }) => type === 'image' || type === 'registry');
  for (const image of images) image.push = true;
  if (images.length === 0) outputs.push(parseOutput('type=registry'));
}

/** `--load` is an output of its own, unless one goes to the engine already. */
function addLoad(outputs: Output[]): void {
  if (!outputs.some(isForEngine)) outputs.push(parseOutput('type=docker'));
}
