import { build } from '../../api/build.ts';
import type { BuildRequest, BuildResult } from '../../api/request.ts';
import { formatMetadata, imageId, removeText, writeText } from '../../api/results.ts';
import type { Finding } from '../../lint/types.ts';
import { chooseDisplayMode } from '../../progress/display.ts';
import { warningForBuildKit } from '../../progress/rawjson.ts';
import type { VertexWarning } from '../../progress/types.ts';
import { parseBoolean } from '../../util/boolean.ts';
import { answerCall, type Call, calls, parseCall } from '../calls.ts';
import { defineCommand, type FlagValues, type Surroundings } from '../command.ts';
import { openDisplay } from '../display.ts';
import { progressFlag, quietIdFlag } from '../flags.ts';
import { usageError } from '../parse.ts';
import { passphraseAsker } from '../passphrase.ts';
import { readBuildRequest } from '../values/request.ts';
import { describeWarnings } from '../warnings.ts';

const flags = {
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

export type BuildFlags = FlagValues<typeof flags>;

export const command = defineCommand({
  name: 'build',
  summary: 'Build an image from a Dockerfile',
  usage: 'CONTEXT',
  description: `
The context is what COPY and ADD read: a directory; a Git repository, such as https://HOST/PATH.git#REF:DIR; the
address of a tar archive or of a Dockerfile; or -, which takes either of these from standard input. In all but a
directory --file names a file of the context, unless it is an absolute path. The image goes into the local store, unless
--output says else.`,
  flags,
  args: { min: 1, max: 1, complete: 'directory' },
  examples: [
    ['The Dockerfile of this directory', 'stagecraft build -t app .'],
    [
      'One stage, with a build argument',
      'stagecraft build -t app:test --target test --build-arg VERSION=1.2 .',
    ],
    [
      'An image only if the stages test and lint succeed',
      'stagecraft build -t app --require test --require lint .',
    ],
    ['One image for two platforms', 'stagecraft build -t app --platform linux/amd64,linux/arm64 .'],
    ['A branch of a repository', 'stagecraft build -t app https://example.org/app.git#main'],
    ['An archive of the context', 'git archive HEAD | stagecraft build -t app -'],
    ['An OCI layout as the base', 'stagecraft build --build-context debian=oci-layout://base-image .'],
    ['The files of the image into a directory', 'stagecraft build -o out .'],
    ['Straight into a registry', 'stagecraft build -t registry.example.com/team/app:1.2 --push .'],
    ['An archive for Docker', 'stagecraft build -t app -o type=docker,dest=app.tar .'],
    ['A secret that leaves no trace', 'stagecraft build -t app --secret id=npmrc,src=.npmrc .'],
    ['The graph, without building', 'stagecraft build --call=llb,format=json .'],
  ],
  async run(flags, [context], surroundings) {
    const { stderr, signal, env } = surroundings;
    const call = parseCall(flags.call ?? (flags.check ? 'check' : 'build'));
    const request = readBuildRequest(flags, context!, env);
    if (call.method === 'llb') return writeGraph(call, request, surroundings);
    if (call.method !== 'build') return answerCall(call, { ...request, signal }, surroundings);
    clearImageId(flags, request);
    const mode = flags.quiet ? 'quiet' : chooseDisplayMode(flags.progress, env);
    const display = openDisplay(mode, surroundings);
    const showsWarnings = mode === 'auto' || mode === 'plain' || mode === 'tty';
    const found: Finding[] = [];
    let dockerfile = '';
    const onWarnings: BuildRequest['onWarnings'] = (more, text) => {
      found.push(...more);
      dockerfile = text;
    };
    const showWarnings = (): void => {
      if (showsWarnings) stderr.write(describeWarnings(found, dockerfile));
    };
    const warned: VertexWarning[] = [];
    const onProgress: BuildRequest['onProgress'] = status => {
      warned.push(...(status.warnings ?? []));
      display.sink(status);
    };
    let result: BuildResult;
    try {
      const askPassphrase = passphraseAsker(display, signal);
      result = await build({ ...request, onProgress, onWarnings, askPassphrase, signal });
    } catch (error) {
      display.fail(error);
      // A process that starts again in a user namespace says it then.
      if (!(error instanceof Error && error.name === 'NamespaceRequired')) showWarnings();
      throw error;
    }
    display.close();
    showWarnings();
    await writeResult(result, warned, flags, surroundings);
    return 0;
  },
});

/** No ID of an earlier image is left where a build fails. @throws StagecraftError `usage` where no output has an ID */
function clearImageId({ iidfile }: BuildFlags, { outputs = [] }: BuildRequest): void {
  if (!iidfile) return;
  if (outputs.length > 0 && outputs.every(({ type }) => type === 'local' || type === 'tar'))
    throw usageError(
      command,
      'An output of files has no image ID to write to --iidfile.',
      'Add an output that makes an image, such as -o type=image.',
    );
  removeText(iidfile);
}

async function writeResult(
  result: BuildResult,
  warned: readonly VertexWarning[],
  flags: BuildFlags,
  { stdout, env }: Surroundings,
): Promise<void> {
  if (!flags.iidfile && !flags['metadata-file'] && !flags.quiet) return;
  const id = result.image && imageId(result.image);
  if (flags.iidfile) await writeText(flags.iidfile, id ?? '');
  if (flags['metadata-file']) {
    // As in buildx.
    const tellsWarnings = parseBoolean(env.BUILDX_METADATA_WARNINGS ?? '') && warned.length > 0;
    const warnings = tellsWarnings && { 'buildx.build.warnings': warned.map(warningForBuildKit) };
    await writeText(flags['metadata-file'], formatMetadata({ ...result.metadata, ...warnings }));
  }
  if (flags.quiet && id !== undefined) stdout.write(`${id}\n`);
}

async function writeGraph(
  { json }: Call,
  request: BuildRequest,
  { stdout, signal }: Surroundings,
): Promise<number> {
  if (!json && stdout.isTTY)
    throw usageError(
      command,
      'The graph is binary, not for a terminal.',
      'Use a pipe, or --call=llb,format=json.',
    );
  const { dumpDefinition, encodeDefinition, plan } = await import('../../api/plan.ts');
  const { definition } = await plan({ ...request, signal });
  stdout.write(
    json ? `${JSON.stringify(dumpDefinition(definition), null, 2)}\n` : encodeDefinition(definition),
  );
  return 0;
}
