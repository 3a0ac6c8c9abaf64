import { logOfRun } from '../util/sarif.ts';
import type { Vulnerability } from './match.ts';
import type { Level } from './severity.ts';

/** What is reported: a vulnerability and the step that brought its package. */
export interface Reported extends Vulnerability {
  readonly layer?: {
    readonly createdBy: string;
    readonly origin?: { readonly file: string; readonly line: number };
  };
}

/** Code hosts sort by a number where there is no CVSS score. */
const scores: Readonly<Record<Level, number>> = {
  critical: 9.5,
  high: 8,
  medium: 5.5,
  low: 2,
  negligible: 0,
  unknown: 0,
};

/** A scan as a SARIF log. Places are lines of Dockerfiles, or paths in the image. */
export function formatSarif(image: string, vulnerabilities: readonly Reported[], version: string): object {
  const rules = new Map<string, object>();
  for (const each of vulnerabilities)
    if (!rules.has(each.id))
      rules.set(each.id, {
        id: each.id,
        shortDescription: { text: each.summary || each.id },
        help: { text: each.ids.join(', ') },
        properties: {
          tags: ['security', 'vulnerability', each.severity.level],
          'security-severity': (each.severity.score ?? scores[each.severity.level]).toFixed(1),
        },
      });
  return logOfRun(version, rules, {
    results: vulnerabilities.map(each => ({
      ruleId: each.id,
      level: sarifLevel(each.severity.level),
      message: { text: describe(image, each) },
      ...placesOf(image, each),
      partialFingerprints: { 'stagecraft/v1': `${each.id} ${each.package.purl}` },
    })),
  });
}

/** The line of the Dockerfile is what somebody can change; where it is not known, paths in the image have to do. */
function placesOf(image: string, { layer, package: { locations } }: Reported): object {
  const paths = locations.map(({ path }) => ({
    physicalLocation: { artifactLocation: { uri: encodeURI(path.replace(/^\//, '')) } },
    message: { text: `${image}: ${path}` },
  }));
  const origin = layer?.origin;
  if (origin === undefined) return { locations: paths };
  const place = { artifactLocation: { uri: encodeURI(origin.file) }, region: { startLine: origin.line } };
  return { locations: [{ physicalLocation: place }], relatedLocations: paths };
}

function sarifLevel(level: Level): string {
  if (level === 'critical' || level === 'high') return 'error';
  return level === 'medium' || level === 'unknown' ? 'warning' : 'note';
}

function describe(
  image: string,
  { id, package: { name, version }, fixed, layer, severity }: Reported,
): string {
  const mend = fixed === undefined ? 'There is no mend yet.' : `It is mended in ${fixed}.`;
  const step = layer?.createdBy ? ` The package came with: ${layer.createdBy}` : '';
  return `${name} ${version} in ${image} has ${id} (${severity.level}). ${mend}${step}`;
}
