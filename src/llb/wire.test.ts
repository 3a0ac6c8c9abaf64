import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fromBinary, toBinary } from '@bufbuild/protobuf';
import { StagecraftError } from '../util/errors.ts';
import { fc } from '../util/property.ts';
import { DefinitionSchema, OpSchema } from './pb/llb_pb.js';
import { definitionTable, opTable } from './schema.ts';
import {
  compareUtf8,
  decode,
  encode,
  type Field,
  type Message,
  type MessageTable,
  type Type,
} from './wire.ts';

// The generated code of protobuf-es is the second opinion: it must read what we write and write what we read.

const texts = fc.string({ unit: 'grapheme', maxLength: 300 });

function messages(table: MessageTable, depth: number): fc.Arbitrary<Message> {
  const parts = new Map<string, fc.Arbitrary<unknown>[]>();
  for (const field of table.fields) {
    const nested = field.type.kind === 'message';
    if (nested && depth === 0 && field.label === 'single' && field.oneof === undefined) continue;
    const key = field.oneof ?? field.key;
    parts.set(key, [...(parts.get(key) ?? []), values(field, depth)]);
  }
  const record = Object.fromEntries([...parts].map(([key, choices]) => [key, fc.oneof(...choices)]));
  return fc.record(record, { requiredKeys: required(table), noNullPrototype: true }) as fc.Arbitrary<Message>;
}

function required(table: MessageTable): string[] {
  return table.fields
    .filter(f => f.oneof === undefined && f.label !== 'optional')
    .filter(f => f.label !== 'single' || f.type.kind !== 'message')
    .map(f => f.key);
}

function values(field: Field, depth: number): fc.Arbitrary<unknown> {
  if (field.oneof !== undefined) {
    return scalar(field.type, depth).map(message => ({ kind: field.protoName, ...(message as Message) }));
  }
  if (field.label === 'repeated')
    return fc.array(scalar(field.type, depth), { maxLength: depth > 0 ? 3 : 0 });
  if (field.label === 'map') {
    return fc.dictionary(texts, scalar(field.type, depth), {
      maxKeys: depth > 0 ? 3 : 0,
      noNullPrototype: true,
    });
  }
  return scalar(field.type, depth);
}

function scalar(type: Type, depth: number): fc.Arbitrary<unknown> {
  switch (type.kind) {
    case 'string':
      return texts;
    case 'bytes':
      return fc.uint8Array({ maxLength: 200 });
    case 'bool':
      return fc.boolean();
    case 'int':
      // What int32, uint32 and int64 fields all hold.
      return fc.oneof(fc.nat(), fc.constantFrom(0, 1, 127, 128, 16383, 16384));
    case 'bigint':
      return fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
    case 'enum':
      return fc.constantFrom(...type.names);
    case 'message':
      return messages(type.table(), Math.max(0, depth - 1));
  }
}

test('every operation that can be written is read back as it was, by us and by generated code', () => {
  fc.assert(
    fc.property(messages(opTable, 4), message => {
      const bytes = encode(opTable, message);
      assert.deepEqual(decode(opTable, bytes), message);
      const second = fromBinary(OpSchema, bytes);
      assert.equal(second.$unknown, undefined);
      assert.deepEqual(decode(opTable, toBinary(OpSchema, second)), message);
    }),
    { numRuns: 300 },
  );
});

test('a whole definition goes through generated code unchanged', () => {
  fc.assert(
    fc.property(messages(definitionTable, 5), message => {
      const bytes = encode(definitionTable, message);
      const second = toBinary(DefinitionSchema, fromBinary(DefinitionSchema, bytes));
      assert.deepEqual(decode(definitionTable, second), message);
    }),
    { numRuns: 100 },
  );
});

test('the bytes do not depend on the order in which a map was filled', () => {
  const attrs = (entries: [string, string][]) =>
    encode(opTable, {
      inputs: [],
      op: { kind: 'source', identifier: 'x', attrs: Object.fromEntries(entries) },
    });
  assert.deepEqual(
    attrs([
      ['b', '1'],
      ['a', '2'],
      ['é', '3'],
    ]),
    attrs([
      ['é', '3'],
      ['a', '2'],
      ['b', '1'],
    ]),
  );
});

test('negative numbers take ten bytes, as protobuf has it', () => {
  const bytes = encode(opTable, {
    inputs: [],
    op: { kind: 'merge', inputs: [{ input: -1 }] },
  });
  assert.equal(Buffer.from(bytes).toString('hex'), '320d0a0b08ffffffffffffffffff01');
  assert.deepEqual(decode(opTable, bytes).op, { kind: 'merge', inputs: [{ input: -1 }] });
});

test('texts are ordered by their UTF-8 bytes, not by UTF-16 units', () => {
  assert.ok(compareUtf8('\u{1F600}', '\uFF5E') > 0);
  assert.ok(compareUtf8('a', 'b') < 0);
  assert.equal(compareUtf8('é', 'é'), 0);
});

test('any bytes at all are a message or a clear refusal', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 400 }), bytes => {
      try {
        decode(definitionTable, bytes);
      } catch (error) {
        assert.ok(error instanceof StagecraftError, String(error));
      }
    }),
    { numRuns: 2000 },
  );
});

test('a definition nested a thousand deep is refused, not followed', () => {
  let bytes: Uint8Array = new Uint8Array(0);
  for (let i = 0; i < 1000; i++) {
    const wrap = (tag: number, inner: Uint8Array) =>
      Buffer.concat([Buffer.from([tag]), varint(inner.length), inner]);
    // Definition.Source, Source.infos, SourceInfo.definition
    bytes = wrap(0x1a, wrap(0x12, wrap(0x1a, bytes)));
  }
  assert.throws(() => decode(definitionTable, bytes), { code: 'usage' });
});

function varint(value: number): Uint8Array {
  const out = [];
  for (; value > 127; value >>>= 7) out.push((value & 127) | 128);
  return Buffer.from([...out, value]);
}
