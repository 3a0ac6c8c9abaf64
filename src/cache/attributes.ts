import { parseBoolean } from '../util/boolean.ts';
import { parseCsv } from '../util/csv.ts';
import { parseDuration } from '../util/duration.ts';
import { StagecraftError } from '../util/errors.ts';

/** What `--cache-from` and `--cache-to` say, `type=registry,ref=...`: each attribute is to be taken once. */
export class Attributes {
  readonly #flag: string;
  readonly #values = new Map<string, string>();

  constructor(flag: string, text: string) {
    this.#flag = flag;
    const fields = parseCsv(text);
    // As buildx has it: what has no attributes is a name in a registry.
    if (fields.length === 1 && !text.includes('=') && text !== '') {
      this.#values.set('type', 'registry').set('ref', text);
      return;
    }
    for (const field of fields) {
      const equals = field.indexOf('=');
      if (equals < 0)
        throw new StagecraftError('usage', `The attribute ${JSON.stringify(field)} of ${flag} has no value.`);
      this.#values.set(field.slice(0, equals).trim().toLowerCase(), field.slice(equals + 1));
    }
  }

  type<T extends string>(known: readonly T[]): T {
    const type = this.take('type');
    const found = known.find(each => each === type);
    if (found !== undefined) return found;
    throw new StagecraftError(
      'usage',
      type === undefined ? `${this.#flag} has no type.` : `Unknown type ${JSON.stringify(type)} of cache.`,
      { hint: `Use type=${known.join(', type=')}, or just the name of a cache in a registry.` },
    );
  }

  take(name: string): string | undefined {
    const value = this.#values.get(name);
    this.#values.delete(name);
    return value;
  }

  required(name: string, shown: string): string {
    const value = this.take(name);
    if (value) return value;
    throw new StagecraftError('usage', `${this.#flag} needs ${name}=${shown}.`);
  }

  flag(name: string): boolean | undefined {
    const text = this.take(name);
    if (text === undefined) return undefined;
    const value = text === '' ? true : parseBoolean(text);
    if (value !== undefined) return value;
    throw new StagecraftError(
      'usage',
      `The attribute ${name} of ${this.#flag} is ${text}, neither true nor false.`,
    );
  }

  /** True, false, or a list of names between semicolons. */
  flagOr(name: string): boolean | string[] | undefined {
    const text = this.#values.get(name);
    if (text === undefined || text === '' || parseBoolean(text) !== undefined) return this.flag(name);
    this.take(name);
    return text.split(';').filter(each => each !== '');
  }

  /** Milliseconds. */
  duration(name: string): number | undefined {
    const text = this.take(name);
    if (text === undefined) return undefined;
    const value = parseDuration(text);
    if (value !== undefined && value >= 0) return value / 1e6;
    throw new StagecraftError('usage', `The attribute ${name} of ${this.#flag} is ${text}, no duration.`, {
      hint: 'Write it like 24h or 1m30s.',
    });
  }

  end(): void {
    const [left] = this.#values.keys();
    if (left !== undefined)
      throw new StagecraftError('usage', `${this.#flag} has no attribute ${left} for this type.`);
  }
}
