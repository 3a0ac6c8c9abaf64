import { digestOf } from '../util/digest.ts';
import type { Definition } from './definition.ts';
import { metadataToMessage } from './encoding.ts';
import type { OwnerId } from './ops.ts';
import { metadataTable, opTable } from './schema.ts';
import { fileActionTable, userOptTable } from './schema-file.ts';
import { compareUtf8, decode, type Field, type Message, type MessageTable, type Type } from './wire.ts';

/** One vertex as `buildctl debug dump-llb` prints it. */
export interface DumpedOp {
  Op: Json;
  Digest: string;
  OpMetadata?: Json;
}

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/** The graph for people and scripts: one object a vertex, inputs first, with the field names of llb.proto. */
export function dumpDefinition(definition: Definition): DumpedOp[] {
  return definition.ops.map(bytes => {
    const digest = digestOf(bytes);
    const metadata = definition.metadata.get(digest);
    return {
      Op: jsonOf(opTable, decode(opTable, bytes)),
      Digest: digest,
      ...(metadata !== undefined && {
        OpMetadata: jsonOf(metadataTable, metadataToMessage(metadata) as unknown as Message),
      }),
    };
  });
}

/** Members of a oneof stand in an object of their own. */
const oneofNames: Record<string, string> = { op: 'Op', action: 'Action' };

function jsonOf(table: MessageTable, message: Message): Json {
  const json: { [key: string]: Json } = {};
  if (table === userOptTable) {
    const { byName, byId } = message as OwnerId;
    return { User: byName === undefined ? { byId: byId ?? 0 } : { byName: { ...byName } } };
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
