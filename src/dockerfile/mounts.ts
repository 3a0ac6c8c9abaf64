import { parseBoolean } from '../util/boolean.ts';
import { parseFields } from './csv.ts';
import { didYouMean, fail, located, quote } from './fail.ts';
import type { CacheSharing, Flag, Mount, MountField, MountFlag, MountType } from './types.ts';
import { parseSize, parseUnsigned } from './values.ts';

const types: readonly MountType[] = ['bind', 'cache', 'tmpfs', 'secret', 'ssh'];
const sharings: readonly CacheSharing[] = ['shared', 'private', 'locked'];

type Draft = { -readonly [K in keyof Mount]: Mount[K] | undefined };
type Set = (draft: Draft, value: string, field: MountField) => void;

/** What each key does. Keys without a value arrive as `true`. */
const keys: Readonly<Record<string, Set>> = {
  type: (draft, value) => {
    draft.type = oneOf(types, value, 'type of mount');
  },
  from: (draft, value) => {
    draft.from = value;
  },
  source: (draft, value) => {
    draft.source = value;
  },
  target: (draft, value) => {
    draft.target = value;
  },
  readonly: (draft, value, field) => {
    draft.readOnly = booleanOf(value, field);
  },
  readwrite: (draft, value, field) => {
    draft.readOnly = !booleanOf(value, field);
  },
  required: (draft, value, field) => {
    if (draft.type !== 'secret' && draft.type !== 'ssh') misplaced(field, draft.type);
    draft.required = booleanOf(value, field);
  },
  size: (draft, value, field) => {
    if (draft.type !== 'tmpfs') misplaced(field, draft.type);
    draft.sizeLimit = parseSize(value) ?? badValue(field, value, 'a size, such as 64m');
  },
  id: (draft, value) => {
    draft.id = value;
  },
  sharing: (draft, value) => {
    draft.sharing = oneOf(sharings, value, 'way of sharing');
  },
  mode: (draft, value, field) => {
    draft.mode = parseUnsigned(value, 8) ?? badValue(field, value, 'an octal mode, such as 0755');
  },
  uid: (draft, value, field) => {
    draft.uid = parseUnsigned(value, 10) ?? badValue(field, value, 'a number');
  },
  gid: (draft, value, field) => {
    draft.gid = parseUnsigned(value, 10) ?? badValue(field, value, 'a number');
  },
  env: (draft, value) => {
    draft.env = value;
  },
};

const aliases: Readonly<Record<string, string>> = {
  src: 'source',
  dst: 'target',
  destination: 'target',
  ro: 'readonly',
  rw: 'readwrite',
};

/** Keys that may stand without `=value`. */
const switches = ['readonly', 'readwrite', 'required'];

/**
 * Takes a `--mount` apart. What its values mean is not asked yet: variables may be in them.
 *
 * @throws StagecraftError `dockerfile`: it cannot be divided into fields, or `from` has a variable
 */
export function parseMountFlag({ value = '', range }: Flag): MountFlag {
  const fields = located(range, () => parseFields(value)).map((text): MountField => {
    const equals = text.indexOf('=');
    const key = (equals < 0 ? text : text.slice(0, equals)).toLowerCase();
    return { key, value: equals < 0 ? undefined : text.slice(equals + 1), text };
  });
  for (const { key, value: from } of fields) {
    const dollar = from?.indexOf('$') ?? -1;
    if (key === 'from' && dollar >= 0 && dollar !== from!.length - 1)
      fail(
        `The source of a mount cannot have variables: from=${from}.`,
        range,
        'Give it a stage of its own, FROM ... AS name, where variables may stand, and name that.',
      );
  }
  return { fields, range };
}

/**
 * Gives a `--mount` its meaning. `expand` replaces the variables of one value.
 *
 * @throws StagecraftError `dockerfile`, at the flag: an unknown key, a bad value, or keys that do not go together
 */
export function resolveMount(flag: MountFlag, expand: (value: string) => string): Mount {
  return located(flag.range, () => {
    const draft: Draft = { ...empty };
    for (const field of flag.fields) {
      const name = aliases[field.key] ?? field.key;
      const set = Object.hasOwn(keys, name) ? keys[name] : undefined;
      if (field.value === undefined && !switches.includes(name))
        fail(`${quote(field.text)} in a --mount needs a value.`, undefined, didYouMean(name, switches));
      const value = field.value === undefined ? 'true' : expand(field.value);
      if (!set) {
        const options = [...Object.keys(keys), ...Object.keys(aliases)];
        fail(`A --mount has no key ${quote(field.key)}.`, undefined, didYouMean(field.key, options));
      }
      set(draft, value, field);
    }
    return finish(draft);
  });
}

const empty: Draft = {
  type: 'bind',
  from: '',
  source: '',
  target: '',
  readOnly: undefined,
  sizeLimit: 0,
  id: '',
  sharing: undefined,
  required: false,
  env: undefined,
  mode: undefined,
  uid: undefined,
  gid: undefined,
};

function finish(draft: Draft): Mount {
  const mount = { ...draft, readOnly: draft.readOnly ?? !['cache', 'tmpfs'].includes(draft.type!) } as Mount;
  const { type } = mount;
  for (const key of ['mode', 'uid', 'gid'] as const) {
    if (mount[key] !== undefined && (type === 'bind' || type === 'tmpfs'))
      fail(`A mount of type ${type} has no ${key}.`);
  }
  if (mount.sharing !== undefined && type !== 'cache') fail(`A mount of type ${type} has no sharing.`);
  if (type === 'secret') {
    if (mount.from !== '') fail('A secret does not come from a stage or image: it has no "from".');
    if (mount.source === '' && mount.target === '' && mount.id === '')
      fail('A secret needs a name.', undefined, 'Write id=NAME.');
    if (mount.source !== '' && mount.id !== '')
      fail('A secret has one name: "source" and "id" mean the same.', undefined, 'Remove one of them.');
  }
  return mount;
}

function oneOf<T extends string>(options: readonly T[], value: string, what: string): T {
  const match = options.find(option => option === value.toLowerCase());
  if (match) return match;
  const hint = didYouMean(value, options) ?? `Known are ${options.join(', ')}.`;
  return fail(`There is no ${what} ${quote(value)}.`, undefined, hint);
}

function booleanOf(value: string, field: MountField): boolean {
  return parseBoolean(value) ?? badValue(field, value, 'true or false');
}

function badValue({ text }: { text: string }, value: string, wanted: string): never {
  fail(`${quote(text)}: ${quote(value)} is not ${wanted}.`);
}

function misplaced({ key }: MountField, type: MountType | undefined): never {
  fail(
    `A mount of type ${type} has no ${key}.`,
    undefined,
    'Fields count from left to right: type comes before what depends on it.',
  );
}
