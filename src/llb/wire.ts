import { StagecraftError } from '../util/errors.ts';
import { malformed, Reader, Writer } from './buffer.ts';

/**
 * A small protobuf codec over field tables. The graph is encoded and decoded at every build, also at the one that has
 * nothing to do, and a general library takes longer to load than such a build may last. The tests hold this codec
 * against the generated code in `pb/`, byte for byte.
 *
 * Its output is deterministic, and the same as that of Go's `proto.MarshalOptions{Deterministic: true}`, of which
 * digests are made: fields by number but the member of a oneof last, map entries sorted by key, no field with its
 * default value.
 */
export interface MessageTable {
  readonly fields: readonly Field[];
  readonly byNumber: ReadonlyMap<number, Field>;
}

export interface Field {
  readonly number: number;
  /** The property that holds the value in our model. */
  readonly key: string;
  /** The name in llb.proto. */
  readonly protoName: string;
  readonly type: Type;
  readonly label: 'single' | 'optional' | 'repeated' | 'map';
  /** Set for a member of a oneof: the property that holds `{ kind: <protoName>, ... }`. */
  readonly oneof?: string;
}

export type Type =
  | { kind: 'string' | 'bytes' | 'bool' | 'int' | 'bigint' }
  | { kind: 'enum'; names: readonly string[] }
  | { kind: 'message'; table: () => MessageTable };

/** A decoded message: the model's interfaces are views of it. */
export type Message = Record<string, unknown>;

/** Orders texts as their UTF-8 bytes order, which is what Go's string comparison does. */
export function compareUtf8(a: string, b: string): number {
  if (a === b) return 0;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the ASCII range is meant
  if (/^[\x00-\x7f]*$/.test(a) && /^[\x00-\x7f]*$/.test(b)) return a < b ? -1 : 1;
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

/** For all messages: one for each would be thousands of buffers that are left behind. */
const writer = new Writer();

export function encode(table: MessageTable, message: Message): Uint8Array {
  writer.start();
  writeMessage(writer, table, message);
  return writer.finish();
}

/**
 * @param texts the texts of messages that were read before: what all operations of a graph say, such as their
 *   environment, they then share
 * @throws StagecraftError `usage` when the bytes are not such a message
 */
export function decode(
  table: MessageTable,
  bytes: Uint8Array,
  texts: Map<string, string> = new Map(),
): Message {
  return readMessage(new Reader(bytes, texts), table, bytes.length);
}

function writeMessage(writer: Writer, table: MessageTable, message: Message): void {
  for (const field of table.fields) {
    if (field.oneof !== undefined) {
      const chosen = message[field.oneof] as Message | undefined;
      if (chosen?.kind === field.protoName) writeSingle(writer, field.number, field.type, chosen, true);
      continue;
    }
    const value = message[field.key];
    if (value === undefined) continue;
    if (field.label === 'map') {
      for (const key of Object.keys(value as object).sort(compareUtf8)) {
        writer.tag(field.number, 2);
        writer.nested(() => {
          if (key !== '') {
            writer.tag(1, 2);
            writer.string(key);
          }
          // An entry is a message, where a default value is left out; a message as value is always there.
          writeSingle(writer, 2, field.type, (value as Message)[key], field.type.kind === 'message');
        });
      }
    } else if (field.label !== 'repeated') {
      writeSingle(writer, field.number, field.type, value, field.label === 'optional');
    } else if (field.type.kind === 'int') {
      const items = value as number[];
      if (items.length === 0) continue;
      writer.tag(field.number, 2);
      writer.nested(() => {
        for (const item of items) writer.varint(item);
      });
    } else {
      for (const item of value as unknown[]) writeSingle(writer, field.number, field.type, item, true);
    }
  }
}

function writeSingle(writer: Writer, number: number, type: Type, value: unknown, always: boolean): void {
  switch (type.kind) {
    case 'string':
      if (value === '' && !always) return;
      writer.tag(number, 2);
      writer.string(value as string);
      return;
    case 'bytes':
      if ((value as Uint8Array).length === 0 && !always) return;
      writer.tag(number, 2);
      writer.bytes(value as Uint8Array);
      return;
    case 'bool':
      if (value === false && !always) return;
      writer.tag(number, 0);
      writer.varint(value ? 1 : 0);
      return;
    case 'int':
      if (value === 0 && !always) return;
      writer.tag(number, 0);
      writer.varint(value as number);
      return;
    case 'bigint':
      if (value === 0n && !always) return;
      writer.tag(number, 0);
      writer.bigVarint(value as bigint);
      return;
    case 'enum': {
      const code = type.names.indexOf(value as string);
      if (code === 0 && !always) return;
      writer.tag(number, 0);
      writer.varint(code);
      return;
    }
    case 'message':
      writer.tag(number, 2);
      writer.nested(() => writeMessage(writer, type.table(), value as Message));
  }
}

/** Messages nest; real graphs do a dozen deep, and more than this is an attack on the stack. */
const maximalDepth = 100;

function readMessage(reader: Reader, table: MessageTable, end: number): Message {
  if (++reader.depth > maximalDepth) throw malformed();
  const into: Message = {};
  for (const field of table.fields) {
    if (field.oneof !== undefined || field.label === 'optional') continue;
    if (field.label === 'repeated') into[field.key] = [];
    else if (field.label === 'map') into[field.key] = {};
    else if (field.type.kind !== 'message') into[field.key] = defaultOf(field.type);
  }
  while (reader.at < end) {
    const tag = reader.varint();
    const wire = tag & 7;
    const field = table.byNumber.get(tag >>> 3);
    if (field === undefined) {
      reader.skip(wire);
      continue;
    }
    const type = field.type;
    if (field.oneof !== undefined) {
      const chosen = readSingle(reader, type, wire) as Message;
      into[field.oneof] = { kind: field.protoName, ...chosen };
    } else if (field.label === 'map') {
      const [key, value] = readEntry(reader, type, wire);
      // Not by assignment: a key may be `__proto__`.
      const at = { value, enumerable: true, configurable: true, writable: true };
      Object.defineProperty(into[field.key] as Message, key, at);
    } else if (field.label !== 'repeated') {
      into[field.key] = readSingle(reader, type, wire);
    } else if (type.kind === 'int' && wire === 2) {
      const stop = reader.length() + reader.at;
      while (reader.at < stop) (into[field.key] as unknown[]).push(reader.varint());
    } else {
      (into[field.key] as unknown[]).push(readSingle(reader, type, wire));
    }
  }
  if (reader.at !== end) throw malformed();
  reader.depth--;
  return into;
}

function readEntry(reader: Reader, type: Type, wire: number): [string, unknown] {
  if (wire !== 2) throw malformed();
  const end = reader.length() + reader.at;
  let key = '';
  let value: unknown =
    type.kind === 'message' ? readMessage(reader, type.table(), reader.at) : defaultOf(type);
  while (reader.at < end) {
    const tag = reader.varint();
    if (tag === (1 << 3) + 2) key = reader.string();
    else if (tag >>> 3 === 2) value = readSingle(reader, type, tag & 7);
    else reader.skip(tag & 7);
  }
  if (reader.at !== end) throw malformed();
  return [key, value];
}

function readSingle(reader: Reader, type: Type, wire: number): unknown {
  const length = type.kind === 'string' || type.kind === 'bytes' || type.kind === 'message';
  if (wire !== (length ? 2 : 0)) throw malformed();
  switch (type.kind) {
    case 'string':
      return reader.string();
    case 'bytes':
      return reader.bytes();
    case 'bool':
      return reader.varint() !== 0;
    case 'int':
      return reader.varint();
    case 'bigint':
      return reader.bigVarint();
    case 'enum': {
      const code = reader.varint();
      const name = type.names[code];
      if (name === undefined) {
        throw new StagecraftError(
          'unsupported',
          `The build graph has the unknown value ${code} where one of ${type.names.join(', ')} is expected.`,
        );
      }
      return name;
    }
    case 'message': {
      const size = reader.length();
      return readMessage(reader, type.table(), reader.at + size);
    }
  }
}

function defaultOf(type: Exclude<Type, { kind: 'message' }>): unknown {
  switch (type.kind) {
    case 'string':
      return '';
    case 'bytes':
      return new Uint8Array(0);
    case 'bool':
      return false;
    case 'int':
      return 0;
    case 'bigint':
      return 0n;
    case 'enum':
      return type.names[0];
  }
}
