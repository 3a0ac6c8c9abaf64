import { bool, enumeration, field, int, message, repeated, string, table } from './fields.ts';

// The part of llb.proto that ExecOp is made of, in its order.

const proxyEnv = table(
  field(1, 'http_proxy', string, 'httpProxy'),
  field(2, 'https_proxy', string, 'httpsProxy'),
  field(3, 'ftp_proxy', string, 'ftpProxy'),
  field(4, 'no_proxy', string, 'noProxy'),
  field(5, 'all_proxy', string, 'allProxy'),
);

const hostIp = table(field(1, 'Host', string, 'host'), field(2, 'IP', string, 'ip'));

const ulimit = table(
  field(1, 'Name', string, 'name'),
  field(2, 'Soft', int, 'soft'),
  field(3, 'Hard', int, 'hard'),
);

const meta = table(
  repeated(1, 'args', string),
  repeated(2, 'env', string),
  field(3, 'cwd', string),
  field(4, 'user', string),
  field(
    5,
    'proxy_env',
    message(() => proxyEnv),
    'proxyEnv',
  ),
  repeated(
    6,
    'extraHosts',
    message(() => hostIp),
  ),
  field(7, 'hostname', string),
  repeated(
    9,
    'ulimit',
    message(() => ulimit),
    'ulimits',
  ),
  field(10, 'cgroupParent', string),
  field(11, 'removeMountStubsRecursive', bool),
  repeated(12, 'validExitCodes', int),
);

const secret = table(
  field(1, 'ID', string, 'id'),
  field(2, 'uid', int),
  field(3, 'gid', int),
  field(4, 'mode', int),
  field(5, 'optional', bool),
);

const cacheOpt = table(
  field(1, 'ID', string, 'id'),
  field(2, 'sharing', enumeration('shared', 'private', 'locked')),
);

const tmpfsOpt = table(field(1, 'size', int));

const mount = table(
  field(1, 'input', int),
  field(2, 'selector', string),
  field(3, 'dest', string),
  field(4, 'output', int),
  field(5, 'readonly', bool),
  field(6, 'mountType', enumeration('bind', 'secret', 'ssh', 'cache', 'tmpfs'), 'type'),
  field(
    19,
    'TmpfsOpt',
    message(() => tmpfsOpt),
    'tmpfs',
  ),
  field(
    20,
    'cacheOpt',
    message(() => cacheOpt),
    'cache',
  ),
  field(
    21,
    'secretOpt',
    message(() => secret),
    'secret',
  ),
  field(
    22,
    'SSHOpt',
    message(() => secret),
    'ssh',
  ),
  field(23, 'resultID', string, 'resultId'),
  field(24, 'contentCache', enumeration('default', 'on', 'off')),
);

const secretEnv = table(field(1, 'ID', string, 'id'), field(2, 'name', string), field(3, 'optional', bool));

const cdiDevice = table(field(1, 'name', string), field(2, 'optional', bool));

export const execTable = table(
  field(
    1,
    'meta',
    message(() => meta),
  ),
  repeated(
    2,
    'mounts',
    message(() => mount),
  ),
  field(3, 'network', enumeration('sandbox', 'host', 'none')),
  field(4, 'security', enumeration('sandbox', 'insecure')),
  repeated(
    5,
    'secretenv',
    message(() => secretEnv),
    'secretEnv',
  ),
  repeated(
    6,
    'cdiDevices',
    message(() => cdiDevice),
  ),
);
