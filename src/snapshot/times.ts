/**
 * The time of what a build makes when nothing tells it one: 1980-01-01, the first that every archive format can hold.
 * BuildKit takes the clock, which would make every build's layers differ. The odd second tells it from files that have
 * this day from elsewhere: zip archives, where it is common, know even ones only.
 */
export const unsetTimeNs = 315_532_801_000_000_000n;

/** A time in nanoseconds as it is written: at most the latest, in seconds since the epoch; that for what has no time. */
export function limitTime(mtimeNs: bigint, latest: number | undefined): bigint {
  if (latest === undefined) return mtimeNs;
  const limit = BigInt(latest) * 1_000_000_000n;
  return mtimeNs > limit || mtimeNs === unsetTimeNs ? limit : mtimeNs;
}
