import { bool, bytes, field, int, map, message, oneof, repeated, string, table } from './fields.ts';
import { execTable } from './schema-exec.ts';
import { fileTable } from './schema-file.ts';
import type { MessageTable } from './wire.ts';

// The field tables of llb.proto. Messages of the same shape share one.

const input = table(field(1, 'digest', string), field(2, 'index', int));

const platform = table(
  field(1, 'Architecture', string, 'architecture'),
  field(2, 'OS', string, 'os'),
  field(3, 'Variant', string, 'variant'),
  field(4, 'OSVersion', string, 'osVersion'),
  repeated(5, 'OSFeatures', string, 'osFeatures'),
);

const constraints = table(repeated(1, 'filter', string));

const source = table(field(1, 'identifier', string), map(2, 'attrs', string));

/** `MergeInput`, `LowerDiffInput`, `UpperDiffInput` and `BuildInput` are alike. */
const inputIndex = table(field(1, 'input', int));

const merge = table(
  repeated(
    1,
    'inputs',
    message(() => inputIndex),
  ),
);

const diff = table(
  field(
    1,
    'lower',
    message(() => inputIndex),
  ),
  field(
    2,
    'upper',
    message(() => inputIndex),
  ),
);

const build = table(
  field(1, 'builder', int),
  map(
    2,
    'inputs',
    message(() => inputIndex),
  ),
  field(
    3,
    'def',
    message(() => definitionTable),
  ),
  map(4, 'attrs', string),
);

const passthrough = table(field(1, 'id', string), repeated(2, 'outputs', int));

export const opTable = table(
  repeated(
    1,
    'inputs',
    message(() => input),
  ),
  oneof(
    'op',
    2,
    'exec',
    message(() => execTable),
  ),
  oneof(
    'op',
    3,
    'source',
    message(() => source),
  ),
  oneof(
    'op',
    4,
    'file',
    message(() => fileTable),
  ),
  oneof(
    'op',
    5,
    'build',
    message(() => build),
  ),
  oneof(
    'op',
    6,
    'merge',
    message(() => merge),
  ),
  oneof(
    'op',
    7,
    'diff',
    message(() => diff),
  ),
  oneof(
    'op',
    8,
    'passthrough',
    message(() => passthrough),
  ),
  field(
    10,
    'platform',
    message(() => platform),
  ),
  field(
    11,
    'constraints',
    message(() => constraints),
  ),
);

const exportCache = table(field(1, 'Value', bool, 'value'));

const progressGroup = table(field(1, 'id', string), field(2, 'name', string), field(3, 'weak', bool));

const linuxResources = table(
  field(1, 'memory', int),
  field(2, 'memorySwap', int),
  field(3, 'cpuShares', int),
  field(4, 'cpuPeriod', int),
  field(5, 'cpuQuota', int),
  field(6, 'cpusetCpus', string),
  field(7, 'cpusetMems', string),
);

export const metadataTable = table(
  field(1, 'ignore_cache', bool, 'ignoreCache'),
  map(2, 'description', string),
  field(
    4,
    'export_cache',
    message(() => exportCache),
    'exportCache',
  ),
  map(5, 'caps', bool),
  field(
    6,
    'progress_group',
    message(() => progressGroup),
    'progressGroup',
  ),
  field(
    7,
    'linux_resources',
    message(() => linuxResources),
    'linuxResources',
  ),
);

const position = table(field(1, 'line', int), field(2, 'character', int));
const range = table(
  field(
    1,
    'start',
    message(() => position),
  ),
  field(
    2,
    'end',
    message(() => position),
  ),
);
const location = table(
  field(1, 'sourceIndex', int),
  repeated(
    2,
    'ranges',
    message(() => range),
  ),
);
const locations = table(
  repeated(
    1,
    'locations',
    message(() => location),
  ),
);
const sourceInfo = table(
  field(1, 'filename', string),
  field(2, 'data', bytes),
  field(
    3,
    'definition',
    message(() => definitionTable),
  ),
  field(4, 'language', string),
);
const sourceMap = table(
  map(
    1,
    'locations',
    message(() => locations),
  ),
  repeated(
    2,
    'infos',
    message(() => sourceInfo),
  ),
);

export const definitionTable: MessageTable = table(
  repeated(1, 'def', bytes, 'ops'),
  map(
    2,
    'metadata',
    message(() => metadataTable),
  ),
  field(
    3,
    'Source',
    message(() => sourceMap),
    'source',
  ),
);
