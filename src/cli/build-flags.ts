import { calls } from './calls.ts';
import type { FlagValues } from './command.ts';
import { progressFlag, quietIdFlag } from './flags.ts';

/** The flags of `stagecraft build`, with their values as they were written. */
export type BuildFlags = FlagValues<typeof buildFlags>;

export const buildFlags = {
  'add-host': { kind: 'list', value: 'HOST:ADDRESS', help: 'A line for /etc/hosts while steps run' },
  allow: {
    kind: 'list',
    value: 'ENTITLEMENT',
    help: 'Let RUN ask for it: security.insecure, network.host, device or\ndevice=NAME[,alias=NAME]',
    complete: ['security.insecure', 'network.host', 'device'],
  },
  annotation: {
    kind: 'list',
    value: '[PLACE:]KEY=VALUE',
    help: 'An annotation of the image; PLACE is manifest, index, manifest-descriptor\nor index-descriptor, with [PLATFORM] for one platform (default manifest)',
  },
  attest: {
    kind: 'list',
    value: 'ATTESTATION',
    help: 'State something of the image, beside it: type=provenance[,mode=min] or\ntype=sbom',
    complete: ['type=provenance', 'type=sbom'],
  },
  'build-arg': {
    kind: 'list',
    value: 'NAME=VALUE',
    help: 'A build argument; a name alone is taken from the environment',
  },
  'build-context': {
    kind: 'list',
    value: 'NAME=PLACE',
    help: 'One more context, in place of the stage or image NAME: a directory,\ndocker-image://REFERENCE, oci-layout://DIR[:TAG], or an address as CONTEXT;\nNAME::PLATFORM is for one platform',
  },
  'cache-from': {
    kind: 'list',
    value: 'CACHE',
    help: 'A cache that other machines share: its name in a registry, or\ntype=registry|local|s3|gha with attributes such as ref=NAME or src=DIR',
    complete: ['type=registry,ref=', 'type=local,src=', 'type=s3,bucket=', 'type=gha'],
  },
  'cache-to': {
    kind: 'list',
    value: 'CACHE',
    help: 'Share what this build makes: type=registry|local|s3|gha|inline with\nattributes such as ref=NAME, dest=DIR and mode=max (default min: what the\nimage has); mounts=true takes the cache mounts of RUN along',
    complete: ['type=registry,ref=', 'type=local,dest=', 'type=s3,bucket=', 'type=gha', 'type=inline'],
  },
  call: {
    kind: 'text',
    value: 'METHOD',
    help: 'build; check; outline: what it can be given; targets: its stages; or llb,\nthe build graph; each but build with ,format=json too (default build)',
    complete: calls,
  },
  'cgroup-parent': { kind: 'text', value: 'CGROUP', help: 'The control group of the steps' },
  check: { kind: 'boolean', help: 'Check the Dockerfile instead of building: --call=check' },
  file: {
    kind: 'text',
    short: 'f',
    value: 'FILE',
    help: 'The Dockerfile: a file, an address, or - for standard input\n(default Dockerfile in CONTEXT)',
    complete: 'file',
  },
  iidfile: { kind: 'text', value: 'FILE', help: 'Write the ID of the image there', complete: 'file' },
  jobs: {
    kind: 'text',
    value: 'NUMBER',
    help: 'Steps that run at once (default the number of processors, at least 4)',
  },
  label: { kind: 'list', value: 'NAME=VALUE', help: 'A label of the image' },
  load: {
    kind: 'boolean',
    help: 'Give the image to the running Docker engine (DOCKER_HOST): -o type=docker',
  },
  'metadata-file': {
    kind: 'text',
    value: 'FILE',
    help: 'Write digests and names there, as JSON',
    complete: 'file',
  },
  network: {
    kind: 'text',
    value: 'MODE',
    help: 'The network of RUN: host, none, or default, which is this machine\u2019s own too',
    complete: ['default', 'host', 'none'],
  },
  'no-cache': { kind: 'boolean', help: 'Run every step, whatever ran before' },
  'no-cache-filter': {
    kind: 'list',
    value: 'STAGE',
    help: 'Run every step of these stages, by commas or flags',
  },
  output: {
    kind: 'list',
    short: 'o',
    value: 'OUTPUT',
    help: 'Where the result goes: type=image|registry|oci|docker|tar|local,dest=PATH;\na path alone is a directory, - a tar on standard output\n(default the store)',
    complete: [
      'type=image,',
      'type=registry,',
      'type=oci,dest=',
      'type=docker,dest=',
      'type=tar,dest=',
      'type=local,dest=',
      'type=cacheonly',
    ],
  },
  platform: {
    kind: 'list',
    value: 'PLATFORM',
    help: 'Build for it, such as linux/arm64 (default this machine);\nseveral, by commas or flags, make an index of images',
  },
  progress: progressFlag,
  provenance: {
    kind: 'text',
    value: 'VALUE',
    help: 'State what the image was made of: true, false, or attributes such as\nmode=max (short for --attest type=provenance)',
    complete: ['true', 'false', 'mode=min', 'mode=max'],
  },
  pull: {
    kind: 'boolean',
    help: 'Ask registries for base images that the store has, too: a tag may mean a\nnewer image now',
  },
  push: {
    kind: 'boolean',
    help: 'Send the image to the registry that its names say: -o type=registry, or\npush=true for an output of type image',
  },
  quiet: quietIdFlag,
  require: {
    kind: 'list',
    value: 'STAGE',
    help: 'Build this stage too (or several, by commas): unless it succeeds, nothing\nis written',
  },
  sbom: {
    kind: 'text',
    value: 'VALUE',
    help: 'State which packages are in the image: true or false (short for\n--attest type=sbom)',
    complete: ['true', 'false'],
  },
  secret: {
    kind: 'list',
    value: 'SECRET',
    help: 'A secret for RUN --mount=type=secret: id=ID,src=FILE or id=ID,env=NAME',
  },
  'shm-size': { kind: 'text', value: 'SIZE', help: 'The size of /dev/shm while steps run' },
  ssh: {
    kind: 'list',
    value: 'AGENT',
    help: 'An SSH agent for RUN --mount=type=ssh: default, ID=SOCKET, or keys for\none of the build\u2019s own: ID=KEYFILE[,KEYFILE...]',
  },
  tag: { kind: 'list', short: 't', value: 'NAME[:TAG]', help: 'A name for the image', complete: 'image' },
  target: {
    kind: 'text',
    value: 'STAGE',
    help: 'The stage to build, by name or number (default the last one)',
  },
  'trust-host-ca': {
    kind: 'boolean',
    help: 'Let steps trust the certificates that this machine trusts; the image\ndoes not know of it (also STAGECRAFT_TRUST_HOST_CA=1)',
  },
  ulimit: { kind: 'list', value: 'NAME=SOFT[:HARD]', help: 'A limit while steps run' },
} as const;
