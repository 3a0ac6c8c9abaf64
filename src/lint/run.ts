import type { Finding, Rule } from './types.ts';

/** Applies the rules to the subject; what they find, in the order of the rules. */
export async function runRules<Subject>(
  rules: readonly Rule<Subject>[],
  subject: Subject,
): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const { check, ...rule } of rules) {
    await check(subject, found =>
      findings.push({
        rule: rule.name,
        description: rule.description,
        url: rule.url,
        level: rule.level,
        ...found,
      }),
    );
  }
  return findings;
}
