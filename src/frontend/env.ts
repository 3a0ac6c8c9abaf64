/**
 * An environment: ordered, immutable. A variable that is set again moves to the end, so that the order is that of the
 * last settings; BuildKit's processes get theirs in that order, and it is part of an operation's digest.
 */
export class Env {
  readonly #values: ReadonlyMap<string, string>;

  constructor(entries: Iterable<readonly [string, string]> = []) {
    this.#values = new Map(entries);
  }

  /** From `NAME=value` texts. */
  static of(list: readonly string[]): Env {
    const values = new Map<string, string>();
    for (const entry of list) {
      const [name, value] = splitEntry(entry);
      values.delete(name);
      values.set(name, value);
    }
    return new Env(values);
  }

  get(name: string): string | undefined {
    return this.#values.get(name);
  }

  set(name: string, value: string): Env {
    const values = new Map(this.#values);
    values.delete(name);
    values.set(name, value);
    return new Env(values);
  }

  without(name: string): Env {
    const values = new Map(this.#values);
    values.delete(name);
    return new Env(values);
  }

  /** `NAME=value` texts. */
  list(): string[] {
    return [...this.#values].map(([name, value]) => `${name}=${value}`);
  }

  get values(): ReadonlyMap<string, string> {
    return this.#values;
  }
}

/** `NAME=value` in two; the value is empty if there is no `=`. */
export function splitEntry(entry: string): [name: string, value: string] {
  const at = entry.indexOf('=');
  return at < 0 ? [entry, ''] : [entry.slice(0, at), entry.slice(at + 1)];
}

/** Sets a variable in an image config's list, where it stays in its place. */
export function replaceInList(list: readonly string[], name: string, value: string): string[] {
  const entry = `${name}=${value}`;
  const at = list.findIndex(e => splitEntry(e)[0] === name);
  return at < 0 ? [...list, entry] : list.with(at, entry);
}
