import { digestOf } from '../util/digest.ts';
import type { Definition } from './definition.ts';
import { metadataToMessage } from './encoding.ts';
import { type Json, jsonOf } from './json.ts';
import { metadataTable, opTable } from './schema.ts';
import { decode, type Message } from './wire.ts';

/** One vertex as `buildctl debug dump-llb` prints it. */
export interface DumpedOp {
  Op: Json;
  Digest: string;
  OpMetadata?: Json;
}

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
