import assert from 'node:assert/strict';
import { test } from 'node:test';
import { StagecraftError } from '../../util/errors.ts';
import type { CheckReport } from '../report.ts';
import type { Finding } from '../types.ts';
import { lintResults, lintText } from './buildkit.ts';
import { sarifLog } from './sarif.ts';
import { checkText } from './text.ts';

const text = 'FROM a\nENV k v\nENV k v\n';

function place(line: number, column: number, width: number): Finding['range'] {
  return { file: 'app/Dockerfile', start: { line, column }, end: { line, column: column + width } };
}

function finding(line: number, change: Partial<Finding> = {}): Finding {
  return {
    rule: 'LegacyKeyValueFormat',
    message: '"ENV key=value" should be used',
    description: 'Legacy format',
    url: 'https://docs.docker.com/go/dockerfile/rule/legacy-key-value-format/',
    level: 'warning',
    experimental: false,
    range: place(line, 1, 7),
    fix: { title: 'Write k=', edits: [{ range: place(line, 5, 3), text: 'k=v' }] },
    ...change,
  };
}

const advice = finding(1, {
  rule: 'UnpinnedBaseImage',
  level: 'advice',
  url: 'docs/checks/unpinned-base-image.md',
  fix: undefined,
});

function report(change: Partial<CheckReport> = {}): CheckReport {
  return {
    name: 'app/Dockerfile',
    path: '/src/app #1/Dockerfile',
    data: Buffer.from(text),
    findings: [advice, finding(2), finding(3)],
    error: undefined,
    unknownImages: ['a:latest'],
    ...change,
  };
}

const failed = report({
  findings: [],
  error: new StagecraftError('dockerfile', 'It is wrong.', {
    hint: 'Write it right.',
    range: place(2, 1, 3),
  }),
});

test('JSON has the shape of BuildKit', () => {
  const { warnings, sources, buildError } = lintResults([report(), failed]);
  assert.deepEqual(warnings[1], {
    ruleName: 'LegacyKeyValueFormat',
    description: 'Legacy format',
    url: 'https://docs.docker.com/go/dockerfile/rule/legacy-key-value-format/',
    detail: '"ENV key=value" should be used',
    location: { ranges: [{ start: { line: 2 }, end: { line: 2 } }] },
    level: 'warning',
    fix: 'Write k=',
  });
  assert.deepEqual(
    sources.map(({ filename, data }) => [filename, Buffer.from(data, 'base64').toString()]),
    [
      ['app/Dockerfile', text],
      ['app/Dockerfile', text],
    ],
  );
  assert.deepEqual(buildError, {
    message: 'It is wrong.',
    location: { sourceIndex: 1, ranges: [{ start: { line: 2 }, end: { line: 2 } }] },
  });
});

test('the text of --check is that of buildx', () => {
  assert.equal(lintText(report({ findings: [] })), 'Check complete, no warnings found.\n');
  assert.equal(
    lintText(report({ findings: [finding(2)] })),
    `Check complete, 1 warning has been found!

WARNING: LegacyKeyValueFormat - https://docs.docker.com/go/dockerfile/rule/legacy-key-value-format/
"ENV key=value" should be used
app/Dockerfile:2
--------------------
   1 |     FROM a
   2 | >>> ENV k v
   3 |     ENV k v
   4 |
--------------------
`,
  );
  assert.match(lintText(report()), /^Check complete, 3 warnings have been found!\n/);
});

test('our own pages are shown by a command', () => {
  const told = checkText([report({ findings: [advice] })]);
  assert.match(told, /^More info: stagecraft check --explain UnpinnedBaseImage$/m);
});

test('the text of a check ends with the sum', () => {
  assert.match(
    checkText([report(), failed]),
    /\n2 Dockerfiles: 1 error, 2 warnings, 1 piece of advice\. 2 can be mended with --fix\.\n$/,
  );
  assert.equal(checkText([report({ findings: [] })]), 'app/Dockerfile: nothing found.\n');
});

interface Sarif {
  $schema: string;
  version: string;
  runs: {
    tool: { driver: { name: string; rules: { id: string; helpUri?: string }[] } };
    columnKind: string;
    results: Result[];
    invocations: { executionSuccessful: boolean; toolExecutionNotifications: object[] }[];
  }[];
}

interface Region {
  startLine: number;
  startColumn: number;
  endLine: number;
  endColumn: number;
}

interface Result {
  ruleId: string;
  ruleIndex: number;
  level: string;
  message: { text: string };
  locations: { physicalLocation: { artifactLocation: { uri: string }; region?: Region } }[];
  partialFingerprints: Record<string, string>;
  fixes?: {
    artifactChanges: { replacements: { deletedRegion: Region; insertedContent: { text: string } }[] }[];
  }[];
}

function log(...reports: CheckReport[]): Sarif['runs'][number] {
  const { $schema, version, runs } = sarifLog(reports, '1.2.3', '/src') as Sarif;
  assert.match($schema, /sarif-2\.1\.0/);
  assert.equal(version, '2.1.0');
  assert.equal(runs.length, 1);
  return runs[0]!;
}

test('SARIF 2.1.0 has what its schema requires', () => {
  const { tool, results, columnKind, invocations } = log(report(), failed);
  assert.equal(tool.driver.name, 'Stagecraft');
  assert.equal(columnKind, 'utf16CodeUnits');
  assert.equal(invocations[0]!.executionSuccessful, true);
  assert.equal(invocations[0]!.toolExecutionNotifications.length, 2);
  assert.deepEqual(
    tool.driver.rules.map(({ id }) => id),
    ['UnpinnedBaseImage', 'LegacyKeyValueFormat', 'DockerfileError'],
  );
  for (const { helpUri } of tool.driver.rules) if (helpUri !== undefined) assert.ok(URL.canParse(helpUri));
  assert.deepEqual(
    results.map(({ level }) => level),
    ['note', 'warning', 'warning', 'error'],
  );
  for (const { ruleId, ruleIndex, message, locations } of results) {
    assert.equal(tool.driver.rules[ruleIndex]!.id, ruleId);
    assert.ok(message.text.length > 0);
    const { artifactLocation, region } = locations[0]!.physicalLocation;
    assert.equal(artifactLocation.uri, 'app%20%231/Dockerfile');
    for (const number of Object.values(region!)) assert.ok(Number.isInteger(number) && number >= 1);
  }
  assert.deepEqual(results[1]!.locations[0]!.physicalLocation.region, {
    startLine: 2,
    startColumn: 1,
    endLine: 2,
    endColumn: 8,
  });
  assert.deepEqual(results[1]!.fixes![0]!.artifactChanges[0]!.replacements, [
    {
      deletedRegion: { startLine: 2, startColumn: 5, endLine: 2, endColumn: 8 },
      insertedContent: { text: 'k=v' },
    },
  ]);
});

test('fingerprints tell findings apart, and stay when lines move', () => {
  const prints = (...reports: CheckReport[]): string[] =>
    log(...reports).results.map(result => result.partialFingerprints['stagecraft/v1']!);
  const now = prints(report());
  assert.equal(new Set(now).size, 3);
  const moved = report({
    data: Buffer.from(`# new\n\n${text}`),
    findings: report().findings.map(each => ({ ...each, range: place(each.range.start.line + 2, 1, 7) })),
  });
  assert.deepEqual(prints(moved), now);
});
