/** One way to authenticate that a server offers in `WWW-Authenticate` (RFC 9110, 11.6.1). */
export interface Challenge {
  /** In lower case: `bearer`, `basic`. */
  readonly scheme: string;
  /** By name in lower case. */
  readonly parameters: ReadonlyMap<string, string>;
}

const token = "[!#$%&'*+.^_`|~0-9A-Za-z-]+";
const parameter = new RegExp(`^\\s*,?\\s*(${token})\\s*=\\s*(?:"((?:[^"\\\\]|\\\\.)*)"|([^\\s,]*))`);
const schemeStart = new RegExp(`^[\\s,]*(${token})(?=\\s|,|$)`);

/** All challenges of the header's value; what cannot be read ends the list. */
export function parseChallenges(header: string): Challenge[] {
  const challenges: Challenge[] = [];
  let rest = header;
  for (let start = schemeStart.exec(rest); start !== null; start = schemeStart.exec(rest)) {
    rest = rest.slice(start[0].length);
    const parameters = new Map<string, string>();
    for (let next = parameter.exec(rest); next !== null; next = parameter.exec(rest)) {
      parameters.set(next[1]!.toLowerCase(), next[2]?.replace(/\\(.)/g, '$1') ?? next[3]!);
      rest = rest.slice(next[0].length);
    }
    challenges.push({ scheme: start[1]!.toLowerCase(), parameters });
  }
  return challenges;
}
