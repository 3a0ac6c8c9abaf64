import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  diff,
  type ExecSpec,
  exec,
  file,
  local,
  marshal,
  merge,
  type Tree,
  unmarshal,
} from '../../llb/index.ts';
import { outputKey } from './key.ts';
import { describe } from './operation.ts';

const context = local('context');
const root = file(undefined, [{ do: 'mkdir', path: '/x', mode: 0o755 }]);
const platform = { os: 'linux', architecture: 'amd64' };
const copied = { from: context, src: '/a/b', dest: '/d/', createDestPath: true } as const;
const run = (spec: Partial<ExecSpec>): Tree =>
  exec({ root, args: ['/bin/true'], cwd: '/', env: ['PATH=/bin'], ...spec }, { platform }).root;

/** Operations, and the digests of the records that BuildKit 0.32 exported for their first outputs. */
const recorded: readonly (readonly [what: string, operation: Tree, record: string])[] = [
  ['a process', run({}), 'sha256:a72de0138296db47f55eeec423669c58ced79ef3aab51a6bab0e052479e9d5ff'],
  [
    'characters that Go escapes',
    run({ args: ['/bin/true', '<&>', 'é\u2028"\\', '\b\f\n\u007f'] }),
    'sha256:41d8eb5f98782a0ed14a578e829fca2de023bac9da09dd72ea70cc9f45e4d2d1',
  ],
  [
    'another architecture',
    exec(
      { root, args: ['/bin/true'], cwd: '/' },
      { platform: { os: 'linux', architecture: 'arm', variant: 'v7' } },
    ).root,
    'sha256:a89f654266356b439df70f9aaf573a44df29680fa23987b5c5f1126f88f2e751',
  ],
  [
    'a user, a host name, hosts',
    run({ user: '1:2', hostname: 'h', extraHosts: [{ host: 'a', ip: '10.0.0.1' }] }),
    'sha256:ac9dd741f6db79ff02170cf67dbacdd81c12e7c3c2b58ab308d8d93da9558f42',
  ],
  [
    'limits and exit codes',
    run({ ulimits: [{ name: 'nofile', soft: 1024, hard: 2048 }], validExitCodes: [0, 3] }),
    'sha256:005615fdb9c039f5818cdce072a25dd189448a2f7f89c13c1dcf3133c6903632',
  ],
  [
    'proxies',
    run({ proxyEnv: { httpProxy: 'http://proxy' } }),
    'sha256:a72de0138296db47f55eeec423669c58ced79ef3aab51a6bab0e052479e9d5ff',
  ],
  [
    'no network',
    run({ network: 'none' }),
    'sha256:0b8ae2e972a13bc61e8bc00b0fec973566e5613564f013ff28c95e60fecfe3dc',
  ],
  [
    'files of the context',
    run({ mounts: [{ target: '/m', tree: context, selector: '/a', readonly: true }] }),
    'sha256:e4f26453ce3739714f72945de5ff4a6322c9ceb7f0ccfbb55d8e4490ffce59c3',
  ],
  [
    'a cache by its own name',
    run({ mounts: [{ target: '/c', cache: { id: '/c', sharing: 'shared' } }] }),
    'sha256:48fa93dbd34dd78f8d19424ce543072222cc9d515d863875aac0ac088eb6ca4b',
  ],
  [
    'a cache by another name',
    run({ mounts: [{ target: '/c', cache: { id: 'mine', sharing: 'locked' } }] }),
    'sha256:90971af0d59bfe10be54baa42eb0e3d5543375528eecd21ec947219ebe1662e9',
  ],
  [
    'memory',
    run({
      mounts: [
        { target: '/t', tmpfs: { size: 0 } },
        { target: '/u', tmpfs: { size: 4096 } },
      ],
    }),
    'sha256:ea48b83d1225c27b9d44066e3f281ece4e82bc3e01343a14decf8f027dc13cbb',
  ],
  [
    'secrets',
    run({
      secrets: [{ target: '/s', id: 's', uid: 0, gid: 0, mode: 0o400, optional: true }],
      secretEnv: [{ id: 's', name: 'S', optional: true }],
    }),
    'sha256:1e92436f601e5cd556c7ae4988f951d08ef8af43e6d7cfa618c9fb322061ea77',
  ],
  [
    'a copy',
    file(root, [{ do: 'copy', ...copied }]),
    'sha256:b39bd0316fe788b7eb5febeac6390465448c0c32e5d237072ab35b75439dcbec',
  ],
  [
    'a copy onto nothing',
    file(undefined, [{ do: 'copy', ...copied }]),
    'sha256:b6002285fec102775224eaa6c365be9668a3a01a669122cb798569893aa07515',
  ],
  [
    'a copy as from a Dockerfile',
    file(root, [
      {
        do: 'copy',
        ...copied,
        followSymlinks: true,
        dirContentsOnly: true,
        allowWildcard: true,
        allowEmptyWildcard: true,
      },
    ]),
    'sha256:fcf1a039f64fdcdfabb7b06e77c4fab5a4efe3ad53ac00c2bd10feb22bbcf132',
  ],
  [
    'a copy with a mode and an owner',
    file(root, [{ do: 'copy', ...copied, mode: 0o640, owner: { user: 3, group: 0 } }]),
    'sha256:560ba44ddc979de5ddf0fd10d47668a4bcf03e860f57e39cc67416b8e0dfb520',
  ],
  [
    'a copy with patterns',
    file(root, [
      {
        do: 'copy',
        ...copied,
        src: '/',
        includePatterns: ['a/b'],
        excludePatterns: ['<x>'],
        requiredPaths: ['/a/b'],
      },
    ]),
    'sha256:61c57ee3714e66826ea6e725c7b59bdfabac5960e51989a11dfd12911ee50e07',
  ],
  [
    'a copy that unpacks, with a time',
    file(root, [{ do: 'copy', ...copied, attemptUnpack: true, timestamp: 1_700_000_000_000_000_000n }]),
    'sha256:749448c22fa68ab36f29660e98bc9485cc3776c9e899d5526aab219d1e7506b9',
  ],
  [
    'copies',
    file(root, [
      { do: 'copy', ...copied },
      { do: 'copy', ...copied, src: '/a/c' },
    ]),
    'sha256:61320a8586368106bf6efaad8d2fed0818adb09bc0dc6af3455955cebc109439',
  ],
  [
    'a directory',
    file(root, [{ do: 'mkdir', path: '/e', mode: 0o700, parents: true, timestamp: 0n }]),
    'sha256:02f615f6fa200221865978c5c40ebb881b9e038e41d7e34b6beb3674c5b4862f',
  ],
  [
    'a file',
    file(root, [{ do: 'mkfile', path: '/f', mode: 0o644, data: Buffer.from('<é>\n') }]),
    'sha256:7eb0c4fbe80da5c2fcfe09b30618cc6b574f9103fb096f950f15e8f3bf4d2bec',
  ],
  [
    'a symlink',
    file(root, [{ do: 'symlink', oldPath: 'x', newPath: '/l' }]),
    'sha256:c5bd6b2a116083230ee5f2edc1128831ac7c35c566af919f5c45651cea8dd570',
  ],
  [
    'a removal',
    file(root, [{ do: 'rm', path: '/x', allowNotFound: true, allowWildcard: true }]),
    'sha256:3834634e0cb8197150d633579a5c637e8cebf7695805941db7bf426531c57db2',
  ],
  [
    'a merge',
    merge([root, file(undefined, [{ do: 'copy', ...copied }])]),
    'sha256:5dbfbafede47210a7bd7363461bc885ec7310febe761daffdf666bfdae5970ff',
  ],
  [
    'a difference',
    diff(root, file(root, [{ do: 'copy', ...copied }])),
    'sha256:da0a96236f5dd8894befe24571d03b805154b3efa0b382d418d91841471b38ce',
  ],
];

const recordOf = (tree: Tree): string => {
  const { vertices, target } = unmarshal(marshal(tree));
  return outputKey(describe(vertices.get(target!.digest)!)!.digest, 0, []).digest;
};

for (const [what, operation, record] of recorded)
  test(`as in BuildKit: ${what}`, () => assert.equal(recordOf(operation), record));
