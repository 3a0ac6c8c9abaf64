/** The page of one of BuildKit's rules. */
export function buildkitPage(name: string): string {
  return `https://docs.docker.com/go/dockerfile/rule/${kebabCase(name)}/`;
}

/** The page of one of our own rules, from the root of this package. */
export function ownPage(name: string): string {
  return `docs/checks/${kebabCase(name)}.md`;
}

/** `StageNameCasing`: `stage-name-casing`; `JSONArgs`: `json-args`. */
function kebabCase(name: string): string {
  return name
    .replace(/([a-z0-9])([A-Z])/g, '$1-$2')
    .replace(/([A-Z])([A-Z][a-z])/g, '$1-$2')
    .toLowerCase();
}

/** Where a reader finds more about a rule: an address, or the command that shows our own page. */
export function furtherReading(rule: string, url: string | undefined): string | undefined {
  return url === undefined || url.startsWith('https:') ? url : `stagecraft check --explain ${rule}`;
}
