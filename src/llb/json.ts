import type { FileActionKind, Operation, OwnerId } from './ops.ts';
import { opTable } from './schema.ts';
import { fileActionTable, namedUserTable, userOptTable } from './schema-file.ts';
import { compareUtf8, type Field, type Message, type MessageTable, type Type } from './wire.ts';

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/** What an operation does, as BuildKit makes JSON of it. */
export function operationJson(op: Operation): Json {
  return memberJson(opTable, op);
}

/** What an action of a file operation does. */
export function actionJson(action: FileActionKind): Json {
  return memberJson(fileActionTable, action);
}

function memberJson(table: MessageTable, member: { readonly kind: string }): Json {
  const field = table.fields.find(({ oneof, protoName }) => oneof !== undefined && protoName === member.kind);
  return jsonValue(field!.type, member);
}

/** The text that Go makes of JSON: what could end an element of HTML is escaped. */
export function goJson(json: Json): string {
  return JSON.stringify(json).replace(
    /[<>&\u2028\u2029]/g,
    c => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** Members of a oneof stand in an object of their own. */
const oneofNames: Record<string, string> = { op: 'Op', action: 'Action' };

/** A message as Go's `encoding/json` shows it: fields by their names in llb.proto, in its order, default values left out. */
export function jsonOf(table: MessageTable, message: Message): Json {
  const json: { [key: string]: Json } = {};
  if (table === userOptTable) {
    const { byName, byId } = message as OwnerId;
    return {
      User:
        byName === undefined ? (byId ? { byId } : {}) : { byName: jsonOf(namedUserTable, byName as never) },
    };
  }
  for (const field of table.fields) {
    if (field.oneof !== undefined) {
      const chosen = message[field.oneof] as Message | undefined;
      const holder = oneofNames[field.oneof] as string;
      json[holder] ??= {};
      if (chosen?.kind === field.protoName) {
        (json[holder] as { [key: string]: Json })[field.protoName] = jsonValue(field.type, chosen);
      }
      continue;
    }
    const value = message[field.key];
    const shown = value === undefined ? undefined : fieldOf(field, value);
    if (shown !== undefined) json[field.protoName] = shown;
    else if (table === fileActionTable) json[field.protoName] = value as number;
  }
  return json;
}

/** Nothing for a default value. */
function fieldOf(field: Field, value: unknown): Json | undefined {
  if (field.label === 'map') {
    const keys = Object.keys(value as object).sort(compareUtf8);
    if (keys.length === 0) return undefined;
    return Object.fromEntries(keys.map(key => [key, jsonValue(field.type, (value as Message)[key])]));
  }
  if (field.label === 'repeated') {
    const items = value as unknown[];
    return items.length === 0 ? undefined : items.map(item => jsonValue(field.type, item));
  }
  const json = jsonValue(field.type, value);
  if (field.label === 'optional') return json;
  return json === '' || json === 0 || json === false ? undefined : json;
}

function jsonValue(type: Type, value: unknown): Json {
  switch (type.kind) {
    case 'message':
      return jsonOf(type.table(), value as Message);
    case 'bytes':
      return Buffer.from(value as Uint8Array).toString('base64');
    case 'enum':
      return type.names.indexOf(value as string);
    case 'bigint':
      return Number(value);
    default:
      return value as Json;
  }
}
