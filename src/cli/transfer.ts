import type { TransferOptions, Transferred } from '../api/transfer.ts';
import { chooseDisplayMode } from '../progress/display.ts';
import type { Surroundings } from './command.ts';
import { openDisplay } from './display.ts';

/** Shows how a transfer goes, under a verb such as `Pulling`, then the name with the digest that it has now. Returns the exit code. */
export async function showTransfer(
  flags: { readonly progress: string | undefined; readonly quiet: boolean | undefined },
  surroundings: Surroundings,
  doing: string,
  transfer: (options: TransferOptions) => Promise<Transferred>,
): Promise<number> {
  const { stdout, env, signal } = surroundings;
  const mode = flags.quiet ? 'quiet' : chooseDisplayMode(flags.progress, env);
  const display = openDisplay(mode, surroundings, doing);
  let done: Transferred;
  try {
    done = await transfer({ onProgress: display.sink, signal });
  } catch (error) {
    display.fail(error);
    throw error;
  }
  display.close();
  const { name, descriptor } = done;
  const isDigest = name.includes('@');
  stdout.write(flags.quiet || isDigest ? `${name}\n` : `${name}@${descriptor.digest}\n`);
  return 0;
}
