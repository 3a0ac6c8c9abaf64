const units = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];

/** Bytes as Docker prints them: decimal units, three significant digits: `77.8MB`. */
export function humanSize(bytes: number): string {
  let value = bytes;
  let unit = 0;
  // What would be rounded to 1000 goes to the next unit too.
  while (Number(value.toPrecision(3)) >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${Number(value.toPrecision(3))}${units[unit]}`;
}

/** A span of time as Docker prints it: `About an hour`, `3 weeks`. */
export function humanDuration(milliseconds: number): string {
  const seconds = Math.floor(milliseconds / 1000);
  const minutes = Math.floor(seconds / 60);
  const hours = Math.round(seconds / 3600);
  const days = Math.floor(hours / 24);
  if (seconds < 1) return 'Less than a second';
  if (seconds < 60) return seconds === 1 ? '1 second' : `${seconds} seconds`;
  if (minutes < 60) return minutes === 1 ? 'About a minute' : `${minutes} minutes`;
  if (hours < 48) return hours === 1 ? 'About an hour' : `${hours} hours`;
  if (days < 14) return `${days} days`;
  if (days < 60) return `${Math.floor(days / 7)} weeks`;
  if (days < 730) return `${Math.floor(days / 30)} months`;
  return `${Math.floor(days / 365)} years`;
}

/** How long ago a moment was: `3 weeks ago`; `N/A` for none. */
export function humanSince(time: string | undefined, now = Date.now()): string {
  if (time === undefined) return 'N/A';
  return `${humanDuration(Math.max(0, now - Date.parse(time)))} ago`;
}

/** A digest without its algorithm, cut to the twelve digits that tell images apart. */
export function shortId(digest: string): string {
  return digest.replace(/^sha256:/, '').slice(0, 12);
}

/** The text cut to a length, with an ellipsis. */
export function cutText(text: string, length: number): string {
  return text.length > length ? `${text.slice(0, length - 1)}…` : text;
}
