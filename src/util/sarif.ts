/** A log of one run: SARIF 2.1.0 (OASIS), as code hosts read it. `rules` by id, in the order that results count them by. */
export function logOfRun(
  version: string,
  rules: ReadonlyMap<string, object>,
  run: Readonly<Record<string, unknown>> & { readonly results: readonly { readonly ruleId: string }[] },
): object {
  const ids = [...rules.keys()];
  return {
    $schema: 'https://json.schemastore.org/sarif-2.1.0.json',
    version: '2.1.0',
    runs: [
      {
        tool: { driver: { name: 'Stagecraft', semanticVersion: version, rules: [...rules.values()] } },
        ...run,
        results: run.results.map(result => ({ ...result, ruleIndex: ids.indexOf(result.ruleId) })),
      },
    ],
  };
}
