/**
 * The option that a misspelt word most probably means: at most two mistakes away, and of short words at least half is
 * right. Nothing if the word is one of the options, for then it is not the spelling that is wrong. Letter case counts
 * for nothing.
 */
export function suggest(word: string, options: Iterable<string>): string | undefined {
  const wanted = word.toLowerCase();
  let best: string | undefined;
  let bestDistance = Math.min(2, Math.floor(wanted.length / 2)) + 1;
  for (const option of options) {
    if (option.toLowerCase() === wanted) return undefined;
    const distance = editDistance(wanted, option.toLowerCase(), bestDistance);
    if (distance < bestDistance) {
      best = option;
      bestDistance = distance;
    }
  }
  return best;
}

/**
 * The option that is at most two letters to insert, delete or replace away, the first of the nearest; letter case
 * counts. Nothing if the word is an option. It is the rule by which BuildKit guesses at variables.
 */
export function nearest(word: string, options: Iterable<string>): string | undefined {
  let best: string | undefined;
  let bestDistance = 3;
  for (const option of options) {
    if (option === word) return undefined;
    const distance = editDistance(word, option, bestDistance, false);
    if (distance < bestDistance) {
      best = option;
      bestDistance = distance;
    }
  }
  return best || undefined;
}

/** How many letters to insert, delete, replace or swap with their neighbour; `limit` if that many or more. */
function editDistance(a: string, b: string, limit: number, swaps = true): number {
  if (Math.abs(a.length - b.length) >= limit) return limit;
  let before: number[] = [];
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      const swapped =
        swaps && i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]
          ? before[j - 2]! + 1
          : limit;
      next.push(Math.min(replaced, swapped, row[j]! + 1, next[j - 1]! + 1));
    }
    before = row;
    row = next;
  }
  return Math.min(row[b.length]!, limit);
}
