import {
  bigint,
  bool,
  bytes,
  field,
  int,
  message,
  oneof,
  optional,
  repeated,
  string,
  table,
} from './fields.ts';

// The part of llb.proto that FileOp is made of.

export const namedUserTable = table(field(1, 'name', string), field(2, 'input', int));

export const userOptTable = table(
  field(
    1,
    'byName',
    message(() => namedUserTable),
  ),
  optional(2, 'byID', int, 'byId'),
);

const chownOpt = table(
  field(
    1,
    'user',
    message(() => userOptTable),
  ),
  field(
    2,
    'group',
    message(() => userOptTable),
  ),
);

const copy = table(
  field(1, 'src', string),
  field(2, 'dest', string),
  field(
    3,
    'owner',
    message(() => chownOpt),
  ),
  field(4, 'mode', int),
  field(5, 'followSymlink', bool),
  field(6, 'dirCopyContents', bool),
  field(7, 'attemptUnpackDockerCompatibility', bool, 'attemptUnpack'),
  field(8, 'createDestPath', bool),
  field(9, 'allowWildcard', bool),
  field(10, 'allowEmptyWildcard', bool),
  field(11, 'timestamp', bigint),
  repeated(12, 'include_patterns', string, 'includePatterns'),
  repeated(13, 'exclude_patterns', string, 'excludePatterns'),
  field(14, 'alwaysReplaceExistingDestPaths', bool),
  field(15, 'modeStr', string, 'modeText'),
  repeated(16, 'required_paths', string, 'requiredPaths'),
);

const mkfile = table(
  field(1, 'path', string),
  field(2, 'mode', int),
  field(3, 'data', bytes),
  field(
    4,
    'owner',
    message(() => chownOpt),
  ),
  field(5, 'timestamp', bigint),
);

const mkdir = table(
  field(1, 'path', string),
  field(2, 'mode', int),
  field(3, 'makeParents', bool),
  field(
    4,
    'owner',
    message(() => chownOpt),
  ),
  field(5, 'timestamp', bigint),
);

const rm = table(field(1, 'path', string), field(2, 'allowNotFound', bool), field(3, 'allowWildcard', bool));

const symlink = table(
  field(1, 'oldpath', string, 'oldPath'),
  field(2, 'newpath', string, 'newPath'),
  field(
    3,
    'owner',
    message(() => chownOpt),
  ),
  field(4, 'timestamp', bigint),
);

export const fileActionTable = table(
  field(1, 'input', int),
  field(2, 'secondaryInput', int),
  field(3, 'output', int),
  oneof(
    'action',
    4,
    'copy',
    message(() => copy),
  ),
  oneof(
    'action',
    5,
    'mkfile',
    message(() => mkfile),
  ),
  oneof(
    'action',
    6,
    'mkdir',
    message(() => mkdir),
  ),
  oneof(
    'action',
    7,
    'rm',
    message(() => rm),
  ),
  oneof(
    'action',
    8,
    'symlink',
    message(() => symlink),
  ),
);

export const fileTable = table(
  repeated(
    2,
    'actions',
    message(() => fileActionTable),
  ),
);
