import { StagecraftError } from '../util/errors.ts';

const clause = '[ugoa]*(?:[-+=](?:[rwxXst]*|[ugo]))+';
const symbolic = new RegExp(`^${clause}(?:,${clause})*$`);

/**
 * The permission bits of `--chmod`, or the text itself where it is symbolic, such as `u+x,go-w`.
 * @throws StagecraftError `dockerfile`
 */
export function parseMode(text: string): number | string {
  if (/^[0-7]+$/.test(text)) {
    const bits = Number.parseInt(text, 8);
    if (bits <= 0o7777) return bits;
  } else if (symbolic.test(text)) {
    return text;
  }
  throw new StagecraftError('dockerfile', `--chmod cannot be "${text}".`, {
    hint: 'Write octal digits up to 07777, such as 755, or a symbolic mode, such as u+x,go-w.',
  });
}
