import { parseDockerfile } from '../dockerfile/parse.ts';
import { outlineOf } from '../frontend/outline.ts';
import { outlineJson, outlineText } from '../frontend/outline-result.ts';
import { planStages } from '../frontend/plan.ts';
import { targetsJson, targetsText } from '../frontend/targets.ts';
import { type BuildInputs, readInputs } from './inputs.ts';
import { localImages } from './local-images.ts';
import { frontendRequest, platformsOf } from './planning.ts';
import type { BuildRequest } from './request.ts';
import { type BuildServices, withServices } from './services.ts';
import { layoutResolver } from './sources.ts';

/** An answer of the frontend other than a graph, in BuildKit's two forms. */
export interface CallResult {
  readonly json: object;
  readonly text: string;
}

/** What a build of the target can be given: `--call=outline`. Base images that are not in the store are not asked for. */
export function outline(request: BuildRequest): Promise<CallResult> {
  return answer(request, async (inputs, { sources }) => {
    const [platform] = platformsOf(request);
    const asked = frontendRequest(request, inputs, platform, {
      resolveImage: localImages(sources),
      resolveLayout: layoutResolver(sources),
    });
    const found = outlineOf(asked, await planStages(asked));
    return { json: outlineJson(found, inputs.dockerfile.text), text: outlineText(found) };
  });
}

/** The stages that can be built: `--call=targets`. */
export function targets(request: BuildRequest): Promise<CallResult> {
  return answer(request, async ({ dockerfile: { text, name } }) => {
    const file = parseDockerfile(text, name);
    return { json: targetsJson(file, text), text: targetsText(file) };
  });
}

function answer(
  request: BuildRequest,
  make: (inputs: BuildInputs, services: BuildServices) => Promise<CallResult>,
): Promise<CallResult> {
  return withServices(request, async services => make(await readInputs(request, services), services));
}
