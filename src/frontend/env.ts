/** A value, and the text that says it: `NAME=value`, made once for all environments that have it. */
interface Entry {
  readonly value: string;
  readonly text: string;
}

/** So many settings are kept beside the ones below before both become one. */
const manySettings = 64;

/**
 * An environment: ordered, immutable. A variable that is set again moves to the end, so that the order is that of the
 * last settings; BuildKit's processes get theirs in that order, and it is part of an operation's digest.
 *
 * Environments that follow from one another share what they have in common: a Dockerfile may set thousands.
 */
export class Env {
  readonly #below: ReadonlyMap<string, Entry>;
  /** What was set since. */
  readonly #own: ReadonlyMap<string, Entry>;

  /** How long its texts are together. */
  readonly characters: number;

  private constructor(
    below: ReadonlyMap<string, Entry>,
    own: ReadonlyMap<string, Entry>,
    characters: number,
  ) {
    this.#below = below;
    this.#own = own;
    this.characters = characters;
  }

  /** From names and values. */
  static from(entries: Iterable<readonly [string, string]>): Env {
    const all = new Map<string, Entry>();
    for (const [name, value] of entries) put(all, name, entryOf(name, value));
    return Env.#of(all);
  }

  /** From `NAME=value` texts. */
  static of(list: readonly string[]): Env {
    return Env.from(list.map(splitEntry));
  }

  static #of(all: ReadonlyMap<string, Entry>): Env {
    let characters = 0;
    for (const { text } of all.values()) characters += text.length;
    return new Env(all, new Map(), characters);
  }

  get(name: string): string | undefined {
    return this.#entry(name)?.value;
  }

  set(name: string, value: string): Env {
    const full = this.#own.size >= manySettings;
    const own = new Map(full ? [] : this.#own);
    const entry = entryOf(name, value);
    put(own, name, entry);
    const characters = this.characters - (this.#entry(name)?.text.length ?? 0) + entry.text.length;
    return new Env(full ? this.#merged() : this.#below, own, characters);
  }

  without(name: string): Env {
    const all = new Map(this.#merged());
    all.delete(name);
    return Env.#of(all);
  }

  names(): Iterable<string> {
    return this.#merged().keys();
  }

  entries(): [name: string, value: string][] {
    return [...this.#merged()].map(([name, { value }]) => [name, value]);
  }

  /** `NAME=value` texts. */
  list(): string[] {
    // Each process has its list: a map of both parts besides would be most of the memory that planning takes.
    const texts: string[] = [];
    this.#below.forEach(({ text }, name) => {
      if (!this.#own.has(name)) texts.push(text);
    });
    this.#own.forEach(({ text }) => void texts.push(text));
    return texts;
  }

  #entry(name: string): Entry | undefined {
    return this.#own.get(name) ?? this.#below.get(name);
  }

  #merged(): ReadonlyMap<string, Entry> {
    if (this.#own.size === 0) return this.#below;
    const all = new Map(this.#below);
    for (const [name, entry] of this.#own) put(all, name, entry);
    return all;
  }
}

function entryOf(name: string, value: string): Entry {
  return { value, text: `${name}=${value}` };
}

/** Sets it at the end. */
function put(entries: Map<string, Entry>, name: string, entry: Entry): void {
  entries.delete(name);
  entries.set(name, entry);
}

/** `NAME=value` in two; the value is empty if there is no `=`. */
export function splitEntry(entry: string): [name: string, value: string] {
  const at = entry.indexOf('=');
  return at < 0 ? [entry, ''] : [entry.slice(0, at), entry.slice(at + 1)];
}

/** Sets a variable in an image config's list, where it stays in its place. */
export function replaceInList(list: readonly string[], name: string, value: string): string[] {
  const entry = `${name}=${value}`;
  const at = list.findIndex(e => e === name || e.startsWith(`${name}=`));
  return at < 0 ? [...list, entry] : list.with(at, entry);
}
