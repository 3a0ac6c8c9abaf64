import type { Attestation } from '../attest/types.ts';
import { StagecraftError } from '../util/errors.ts';
import { checkAttestable, takesAttestation } from './attestations.ts';
import { checkImageOptions } from './image-options.ts';
import { isForEngine } from './outputs.ts';
import type { Output } from './types.ts';

/** What is known of a result before it is made. */
export interface ExpectedResult {
  /** As they are formatted. */
  readonly platforms: readonly string[];
  /** True where the image is an index of platforms. */
  readonly index: boolean;
  readonly attestations?: readonly Pick<Attestation, 'inlineOnly'>[];
}

/**
 * Refuses what cannot be written. Worth asking before a build: it would only fail when all else is done.
 * @throws StagecraftError `usage`
 */
export function checkOutputs(outputs: readonly Output[], result: ExpectedResult): void {
  if (outputs.filter(({ dest }) => dest === '-').length > 1)
    throw new StagecraftError('usage', 'Only one output can go to standard output.', {
      hint: 'Give the others a dest=FILE.',
    });
  for (const output of outputs) checkOutput(output, result);
}

function checkOutput(output: Output, { platforms, index, attestations = [] }: ExpectedResult): void {
  if (output.dest === '-') requireNoTerminal();
  if (output.push && output.names.length === 0 && output.danglingPrefix === undefined)
    throw new StagecraftError('usage', 'An image without a name cannot be pushed.', {
      hint: 'Name it and its registry with -t, such as -t registry.example.com/team/app:1.2.',
    });
  if (output.type === 'docker' && index)
    throw new StagecraftError('usage', "Docker's archive format holds images for one platform only.", {
      hint: isForEngine(output)
        ? "An engine with containerd's image store takes several; else build one at a time, or use type=oci."
        : 'Use type=oci, or the store with type=image; or build one platform at a time.',
    });
  checkAttestable(output, attestations);
  if (['image', 'registry', 'oci', 'docker'].includes(output.type)) {
    const isAttested = attestations.some(each => takesAttestation(output, each, index));
    checkImageOptions(output.image, platforms, index || isAttested);
  }
}

/** @throws StagecraftError `usage` where standard output is a terminal, which no archive is for */
export function requireNoTerminal(): void {
  if (process.stdout.isTTY)
    throw new StagecraftError('usage', 'An archive is not written to a terminal.', {
      hint: 'Redirect standard output, or name a file.',
    });
}
