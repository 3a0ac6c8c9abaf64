import { ownPage } from '../pages.ts';
import { lastOf, placeOfFrom } from '../stages.ts';
import type { PlanSubject, Rule } from '../types.ts';

const name = 'HealthcheckMissing';

/** The image exposes a port, and nothing tells whether somebody answers there. */
export const healthcheckMissing: Rule<PlanSubject> = {
  name,
  description: 'An image that exposes a port should have a HEALTHCHECK',
  url: ownPage(name),
  level: 'advice',
  check({ target, result }, report) {
    const {
      ExposedPorts: ports = {},
      Healthcheck: healthcheck,
      Entrypoint,
      Cmd,
    } = result.config.config ?? {};
    const exposed = Object.keys(ports);
    if (exposed.length === 0 || healthcheck?.Test?.length) return;
    // Of an unknown base nobody knows whether it has one; and an image without a program is no service.
    if (!target.isBaseKnown || (!Entrypoint?.length && !Cmd?.length)) return;
    report({
      message: `The image exposes ${exposed.length === 1 ? 'port' : 'ports'} ${exposed.join(', ')} and has no HEALTHCHECK; write one, or HEALTHCHECK NONE where something else looks after it`,
      range: lastOf(target, 'EXPOSE')?.instruction.range ?? placeOfFrom(target),
    });
  },
};
