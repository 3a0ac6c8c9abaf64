import type { RecordKey } from './buildkit/key.ts';
import type { CacheConfig, ConfigRecord } from './config.ts';

type Results = Pick<ConfigRecord, 'layers' | 'chains'>;

interface Link {
  readonly selector: string;
  /** The place of a record. */
  readonly link: number;
}

interface Draft {
  readonly digest: string;
  /** For each input its links, by what makes them differ. */
  readonly inputs: readonly Map<string, Link>[];
  results?: Results;
}

/**
 * Records in the making. Those of one digest that in each input have a record in common are one, as in BuildKit, which
 * then has the links of all: so a result is found on each of the ways on which it was found before.
 */
export class RecordList {
  readonly #records: Draft[] = [];
  readonly #byDigest = new Map<string, number[]>();
  readonly #added = new Map<RecordKey, number | undefined>();
  readonly #copied = new Map<CacheConfig, Map<number, number | undefined>>();

  /** The record of a key; nothing where it stands on something that has no key. */
  add(key: RecordKey): number | undefined {
    if (this.#added.has(key)) return this.#added.get(key);
    const inputs = key.inputs.map(links =>
      links.flatMap(({ key, selector }): Link[] => {
        const link = this.add(key);
        return link === undefined ? [] : [{ selector, link }];
      }),
    );
    const place = this.#place(key.digest, inputs);
    this.#added.set(key, place);
    return place;
  }

  /** A record as another cache has it, without its results. Others may stand on each other however deep they like. */
  copy(config: CacheConfig, from: number): number | undefined {
    let copied = this.#copied.get(config);
    if (copied === undefined) {
      copied = new Map();
      this.#copied.set(config, copied);
    }
    const entered = new Set<number>();
    const stack = [from];
    for (let place = stack.at(-1); place !== undefined; place = stack.at(-1)) {
      const { digest, inputs = [] } = config.records[place]!;
      if (!copied.has(place) && !entered.has(place)) {
        entered.add(place);
        for (const { link } of inputs.flat()) if (!copied.has(link) && !entered.has(link)) stack.push(link);
        continue;
      }
      stack.pop();
      if (copied.has(place)) continue;
      // A record that is not there yet stands on this one: a circle, which leads nowhere.
      const links = inputs.map(input =>
        input.flatMap(({ selector = '', link }): Link[] => {
          const below = copied.get(link);
          return below === undefined ? [] : [{ selector, link: below }];
        }),
      );
      copied.set(place, this.#place(digest, links));
    }
    return copied.get(from);
  }

  /** Says what a record leads to, unless that is known. */
  give(place: number, results: Results): void {
    this.#records[place]!.results ??= results;
  }

  finish(): ConfigRecord[] {
    return this.#records.map(({ digest, inputs, results }) => ({
      digest,
      ...results,
      ...(inputs.length > 0 && {
        inputs: inputs.map(links =>
          [...links.values()].map(({ selector, link }) => ({ ...(selector && { selector }), link })),
        ),
      }),
    }));
  }

  #place(digest: string, inputs: readonly (readonly Link[])[]): number | undefined {
    if (inputs.some(links => links.length === 0)) return undefined;
    const same = this.#byDigest.get(digest) ?? [];
    const known = same.find(place => {
      const has = this.#records[place]!.inputs;
      return (
        has.length === inputs.length &&
        has.every((links, i) => inputs[i]!.some(each => links.has(nameOf(each))))
      );
    });
    if (known !== undefined) {
      const record = this.#records[known]!;
      inputs.forEach((links, i) => {
        for (const link of links) {
          const isNew = !record.inputs[i]!.has(nameOf(link));
          if (isNew && !this.#reaches(link.link, known)) record.inputs[i]!.set(nameOf(link), link);
        }
      });
      return known;
    }
    const record = { digest, inputs: inputs.map(links => new Map(links.map(link => [nameOf(link), link]))) };
    const place = this.#records.push(record) - 1;
    this.#byDigest.set(digest, [...same, place]);
    return place;
  }

  /** Whether a record stands on another one, which then must not stand on it. */
  #reaches(from: number, target: number): boolean {
    const seen = new Set<number>([from]);
    for (const place of seen) {
      if (place === target) return true;
      for (const links of this.#records[place]!.inputs) for (const { link } of links.values()) seen.add(link);
    }
    return false;
  }
}

function nameOf({ selector, link }: Link): string {
  return `${selector} ${link}`;
}
