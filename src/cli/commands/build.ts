import { build } from '../../api/build.ts';
import type { BuildRequest, BuildResult } from '../../api/request.ts';
import { formatMetadata, imageId, removeText, writeText } from '../../api/results.ts';
import type { Finding } from '../../lint/types.ts';
import { chooseDisplayMode } from '../../progress/display.ts';
import { warningForBuildKit } from '../../progress/rawjson.ts';
import type { VertexWarning } from '../../progress/types.ts';
import { parseBoolean } from '../../util/boolean.ts';
import { type BuildFlags, buildFlags } from '../build-flags.ts';
import { answerCall, type Call, parseCall } from '../calls.ts';
import { defineCommand, type Surroundings } from '../command.ts';
import { openDisplay } from '../display.ts';
import { usageError } from '../parse.ts';
import { passphraseAsker } from '../passphrase.ts';
import { readBuildRequest } from '../values/request.ts';
import { describeWarnings } from '../warnings.ts';

export const command = defineCommand({
  name: 'build',
  summary: 'Build an image from a Dockerfile',
  usage: 'CONTEXT',
  description: `
The context is what COPY and ADD read: a directory; a Git repository, such as https://HOST/PATH.git#REF:DIR; the
address of a tar archive or of a Dockerfile; or -, which takes either of these from standard input. In all but a
directory --file names a file of the context, unless it is an absolute path. The image goes into the local store, unless
--output says else.`,
  flags: buildFlags,
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
