import { StagecraftError } from '../../util/errors.ts';

const factors: Record<string, number> = { '': 1, k: 1024, m: 1024 ** 2, g: 1024 ** 3, t: 1024 ** 4 };

/**
 * A number of bytes as Docker's flags take it: `64m`, `1.5gb`, `512KiB`; units are binary.
 * @throws StagecraftError `usage`
 */
export function readBytes(flag: string, text: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*([kmgt]?)(?:i?b)?$/i.exec(text);
  if (match) return Math.floor(Number(match[1]) * factors[match[2]!.toLowerCase()]!);
  throw new StagecraftError('usage', `The value "${text}" of ${flag} is not a size.`, {
    hint: 'Write a number and a unit, such as 64m or 2g.',
  });
}
