import type { Digest } from '../util/digest.ts';
import type { SourceRange } from '../util/errors.ts';
import type { Definition, OpMetadata } from './definition.ts';
import type { DefinitionMessage, LocationMessage, MetadataMessage, SourceMessage } from './ops.ts';
import { definitionTable } from './schema.ts';
import { decode, encode, type Message } from './wire.ts';

const nameKey = 'llb.customname';

/** The definition as the bytes of BuildKit's `pb.Definition`, which `buildctl` reads from its standard input. */
export function encodeDefinition(definition: Definition): Uint8Array {
  const metadata: Record<string, MetadataMessage> = {};
  for (const [digest, op] of definition.metadata) metadata[digest] = metadataToMessage(op);
  const source = sourceToMessage(definition);
  const message: DefinitionMessage = {
    ops: definition.ops,
    metadata,
    ...(source !== undefined && { source }),
  };
  return encode(definitionTable, message as unknown as Message);
}

/** @throws StagecraftError `usage` when the bytes are not a `pb.Definition` */
export function decodeDefinition(bytes: Uint8Array): Definition {
  const message = decode(definitionTable, bytes) as unknown as DefinitionMessage;
  const ranges = rangesOf(message.source);
  const metadata = new Map<Digest, OpMetadata>();
  for (const [digest, op] of Object.entries(message.metadata)) {
    const range = ranges.get(digest);
    metadata.set(digest as Digest, { ...metadataFromMessage(op), ...(range !== undefined && { range }) });
  }
  const sources = new Map<string, string>();
  for (const info of message.source?.infos ?? []) {
    sources.set(info.filename, Buffer.from(info.data).toString('utf8'));
  }
  return { ops: message.ops, metadata, sources };
}

export function metadataToMessage(metadata: OpMetadata): MetadataMessage {
  const description = { ...metadata.description };
  if (metadata.name !== undefined) description[nameKey] = metadata.name;
  return {
    ignoreCache: metadata.ignoreCache ?? false,
    description,
    caps: Object.fromEntries((metadata.caps ?? []).map(cap => [cap, true])),
    ...(metadata.exportCache !== undefined && { exportCache: { value: metadata.exportCache } }),
    ...(metadata.progressGroup !== undefined && { progressGroup: metadata.progressGroup }),
    ...(metadata.linuxResources !== undefined && { linuxResources: metadata.linuxResources }),
  };
}

function metadataFromMessage(message: MetadataMessage): OpMetadata {
  const { [nameKey]: name, ...description } = message.description;
  const used = Object.keys(message.caps).filter(cap => message.caps[cap]);
  return {
    ...(name !== undefined && { name }),
    ...(message.ignoreCache && { ignoreCache: true }),
    ...(Object.keys(description).length > 0 && { description }),
    ...(used.length > 0 && { caps: used }),
    ...(message.progressGroup !== undefined && { progressGroup: message.progressGroup }),
    ...(message.exportCache !== undefined && { exportCache: message.exportCache.value }),
    ...(message.linuxResources !== undefined && { linuxResources: message.linuxResources }),
  };
}

function sourceToMessage(definition: Definition): SourceMessage | undefined {
  const files = [...definition.sources.keys()];
  if (files.length === 0) return undefined;
  const locations: SourceMessage['locations'] = {};
  for (const [digest, { range }] of definition.metadata) {
    const sourceIndex = range === undefined ? -1 : files.indexOf(range.file);
    if (range === undefined || sourceIndex < 0) continue;
    locations[digest] = { locations: [{ sourceIndex, ranges: [rangeToMessage(range)] }] };
  }
  const infos = files.map(filename => ({
    filename,
    data: Buffer.from(definition.sources.get(filename) ?? ''),
    language: 'Dockerfile',
  }));
  return { locations, infos };
}

/** BuildKit's ranges are of whole lines, the last one included; ours end before `end`. */
function rangeToMessage(range: SourceRange): LocationMessage['ranges'][number] {
  const wholeLines = range.end.column === 1 && range.end.line > range.start.line;
  return {
    start: { line: range.start.line, character: range.start.column - 1 },
    end: wholeLines
      ? { line: range.end.line - 1, character: 0 }
      : { line: range.end.line, character: range.end.column - 1 },
  };
}

function rangesOf(source: SourceMessage | undefined): Map<string, SourceRange> {
  const ranges = new Map<string, SourceRange>();
  for (const [digest, { locations }] of Object.entries(source?.locations ?? {})) {
    const location = locations.at(-1);
    const info = source?.infos[location?.sourceIndex ?? -1];
    const first = location?.ranges[0];
    const last = location?.ranges.at(-1);
    if (info === undefined || first?.start === undefined || last?.end === undefined) continue;
    ranges.set(digest, {
      file: info.filename,
      start: { line: first.start.line, column: first.start.character + 1 },
      end:
        last.end.character === 0
          ? { line: last.end.line + 1, column: 1 }
          : { line: last.end.line, column: last.end.character + 1 },
    });
  }
  return ranges;
}
