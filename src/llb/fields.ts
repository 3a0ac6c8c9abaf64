import type { Field, MessageTable, Type } from './wire.ts';

// How the field tables are written down. `key` is given only where our name differs from llb.proto's.

export const string: Type = { kind: 'string' };
export const bytes: Type = { kind: 'bytes' };
export const bool: Type = { kind: 'bool' };
export const int: Type = { kind: 'int' };
export const bigint: Type = { kind: 'bigint' };

export function enumeration(...names: string[]): Type {
  return { kind: 'enum', names };
}

export function message(table: () => MessageTable): Type {
  return { kind: 'message', table };
}

export function field(number: number, protoName: string, type: Type, key = protoName): Field {
  return { number, protoName, key, type, label: 'single' };
}

export function repeated(number: number, protoName: string, type: Type, key = protoName): Field {
  return { number, protoName, key, type, label: 'repeated' };
}

export function map(number: number, protoName: string, type: Type, key = protoName): Field {
  return { number, protoName, key, type, label: 'map' };
}

export function optional(number: number, protoName: string, type: Type, key = protoName): Field {
  return { number, protoName, key, type, label: 'optional' };
}

export function oneof(oneof: string, number: number, protoName: string, type: Type): Field {
  return { number, protoName, key: protoName, type, label: 'single', oneof };
}

export function table(...fields: Field[]): MessageTable {
  const ordered = fields.toSorted((a, b) => Number(a.oneof !== undefined) - Number(b.oneof !== undefined));
  return { fields: ordered, byNumber: new Map(fields.map(f => [f.number, f])) };
}
