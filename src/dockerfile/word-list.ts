import { isSpace } from './spaces.ts';

/** Words in the making: what was quoted or escaped never ends one. */
export class WordList {
  #words: string[] = [];
  #word = '';

  /** Adds text to the current word as it is. */
  add(text: string): void {
    this.#word += text;
  }

  /** Adds text whose white space ends words. */
  addSplit(text: string): void {
    let start = 0;
    for (let at = 0; at < text.length; at++) {
      if (!isSpace(text[at]!)) continue;
      this.#word += text.slice(start, at);
      start = at + 1;
      this.#end();
    }
    this.#word += text.slice(start);
  }

  finish(): string[] {
    this.#end();
    return this.#words;
  }

  /** An empty word, such as a quoted one, is none: unlike a shell, the language drops it. */
  #end(): void {
    if (this.#word !== '') this.#words.push(this.#word);
    this.#word = '';
  }
}
