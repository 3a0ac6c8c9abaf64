import { detectSyntax } from '../dockerfile/directives.ts';
import { parseDockerfile } from '../dockerfile/parse.ts';
import type { Dockerfile } from '../dockerfile/types.ts';
import { familiarRepository, parseReference } from '../image/reference.ts';
import { type SourceRange, StagecraftError } from '../util/errors.ts';
import { suggest } from '../util/suggest.ts';
import type { FrontendRequest } from './types.ts';

/** Images of Docker's own frontend. Their language, in all versions and with the labs features, is what we speak. */
const official = ['docker/dockerfile', 'docker/dockerfile-upstream'];
/** BuildKit's name for the frontend that it has built in. */
const builtIn = 'dockerfile.v0';
const argument = 'BUILDKIT_SYNTAX';

/** The file of the request as a tree. @throws StagecraftError also where it is written for another frontend */
export function readDockerfile(request: FrontendRequest): Dockerfile {
  const { text, name, file } = request.dockerfile;
  if (file !== undefined) return file;
  requireOwnSyntax(request);
  return parseDockerfile(text, name);
}

/**
 * Refuses a file that asks for a frontend other than Docker's: by its directive `# syntax=`, or, which goes before
 * that, by the build argument `BUILDKIT_SYNTAX`.
 * @throws StagecraftError `unsupported`
 */
function requireOwnSyntax({ dockerfile, buildArgs }: FrontendRequest): void {
  const [given] = (buildArgs.get(argument) ?? '').trim().split(' ');
  if (given) {
    if (given !== builtIn) refuseOther(given, `The build argument ${argument}`);
    return;
  }
  const asked = detectSyntax(Buffer.from(dockerfile.text).toString(), dockerfile.name);
  if (asked !== undefined) refuseOther(asked.frontend, dockerfile.name, asked.range);
}

function refuseOther(frontend: string, asker: string, range?: SourceRange): void {
  const repository = repositoryOf(frontend);
  if (official.includes(repository)) return;
  const meant = suggest(repository, official);
  throw new StagecraftError(
    'unsupported',
    `${asker} asks for the frontend "${frontend}", which is not ours.`,
    {
      hint:
        meant !== undefined
          ? `Did you mean ${meant}?`
          : `If it is an ordinary Dockerfile, build it with --build-arg ${argument}=docker/dockerfile:1, ` +
            'which goes before the directive; images of other frontends cannot be run.',
      range,
    },
  );
}

function repositoryOf(frontend: string): string {
  try {
    return familiarRepository(parseReference(frontend));
  } catch {
    return frontend;
  }
}
