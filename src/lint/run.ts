import type { Finding, Rule } from './types.ts';

/** Applies the rules to the subject; what they find, in the order of the rules. */
export async function runRules<Subject>(
  rules: readonly Rule<Subject>[],
  subject: Subject,
): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const rule of rules) {
    const { name, description, url, level, experimental = false } = rule;
    const done = rule.check(subject, found =>
      findings.push({ rule: name, description, url, level, experimental, ...found }),
    );
    // Most rules are done at once.
    if (done !== undefined) await done;
  }
  return findings;
}
