import { StagecraftError } from '../../util/errors.ts';

const milliseconds: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/**
 * A moment given as an age (`24h`, `1h30m`), a date, or seconds since the epoch; milliseconds since the epoch.
 * @throws StagecraftError `usage`
 */
export function readAge(flag: string, text: string, now = Date.now()): number {
  if (/^(\d+(\.\d+)?(ms|[smhd]))+$/.test(text)) {
    const parts = text.matchAll(/(\d+(?:\.\d+)?)(ms|[smhd])/g);
    return parts.reduce((moment, [, number, unit]) => moment - Number(number) * milliseconds[unit!]!, now);
  }
  if (/^\d+(\.\d+)?$/.test(text)) return Number(text) * 1000;
  const moment = Date.parse(text);
  if (/^\d{4}-\d\d-\d\d/.test(text) && !Number.isNaN(moment)) return moment;
  throw new StagecraftError('usage', `The value "${text}" of ${flag} is not a time.`, {
    hint: 'Write an age such as 24h, or a date such as 2026-01-31.',
  });
}
