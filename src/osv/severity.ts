import { type OsvAffected, type OsvRecord, objectsOf } from './record.ts';

/** From the least to the worst; `unknown` where nobody said. */
export const levels = ['unknown', 'negligible', 'low', 'medium', 'high', 'critical'] as const;
export type Level = (typeof levels)[number];

export interface Severity {
  readonly level: Level;
  /** 0 to 10, by CVSS. */
  readonly score?: number;
  readonly vector?: string;
}

const words: Readonly<Record<string, Level>> = {
  critical: 'critical',
  high: 'high',
  important: 'high',
  medium: 'medium',
  moderate: 'medium',
  low: 'low',
  negligible: 'negligible',
  none: 'negligible',
  unimportant: 'negligible',
};

/** By the newest CVSS vector, else by the word of whoever wrote the record; nothing where it has neither. */
export async function severityOf(record: OsvRecord, affected: OsvAffected): Promise<Severity | undefined> {
  const given = [...objectsOf(affected.severity), ...objectsOf(record.severity)];
  for (const type of ['CVSS_V4', 'CVSS_V3', 'CVSS_V2'])
    for (const { score } of given.filter(each => each.type === type)) {
      const severity = await scoreVector(String(score ?? ''));
      if (severity !== undefined) return severity;
    }
  const said = [
    affected.ecosystem_specific?.severity,
    affected.ecosystem_specific?.urgency,
    affected.database_specific?.severity,
    record.database_specific?.severity,
    ...given.filter(({ type }) => !type?.startsWith('CVSS')).map(({ score }) => score),
  ];
  for (const word of said) {
    const level = typeof word === 'string' ? words[word.toLowerCase()] : undefined;
    if (level !== undefined) return { level };
  }
  return undefined;
}

/** CVSS 2.0, 3.0, 3.1 and 4.0; nothing for what is no vector. */
async function scoreVector(vector: string): Promise<Severity | undefined> {
  const { default: cvss } = await import('ae-cvss-calculator');
  try {
    const score = cvss.fromVector(vector)?.calculateScores().overall;
    if (score === undefined || Number.isNaN(score)) return undefined;
    return { level: levelOf(score), score, vector };
  } catch {
    return undefined;
  }
}

/** CVSS 3.1, section 5: the same words for scores of every version. */
function levelOf(score: number): Level {
  if (score >= 9) return 'critical';
  if (score >= 7) return 'high';
  if (score >= 4) return 'medium';
  return score > 0 ? 'low' : 'negligible';
}
