const byteUnits = ['kB', 'MB', 'GB', 'TB', 'PB'];

/** Bytes as BuildKit's displays write them: decimal units, two digits after the point: `31B`, `2.05kB`, `12.58MB`. */
function formatBytes(bytes: number): string {
  if (bytes < 1000) return `${bytes}B`;
  let value = bytes;
  let unit = '';
  for (unit of byteUnits) {
    value /= 1000;
    if (value < 1000) break;
  }
  return `${value.toFixed(2)}${unit}`;
}

/** What a measure has done, and of how much where that is known: `12.58MB / 29.12MB`. Empty when there is nothing. */
export function formatAmount(current: number, total: number): string {
  if (total > 0) return `${formatBytes(current)} / ${formatBytes(total)}`;
  return current > 0 ? formatBytes(current) : '';
}

/** Seconds with one digit after the point: `1.2s`. */
export function formatSeconds(seconds: number): string {
  return `${seconds.toFixed(1)}s`;
}

/** The time stamp before a line of output: three digits after the point below 10 s, two below 100 s, else one. */
export function formatStamp(seconds: number): string {
  return seconds.toFixed(seconds < 10 ? 3 : seconds < 100 ? 2 : 1);
}
