import { statSync } from 'node:fs';
import { dirname } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { type Checker, openChecker } from '../../api/checks.ts';
import type { BuildRequest } from '../../api/request.ts';
import type { CheckReport } from '../../lint/report.ts';
import { defineCommand, type FlagValues, type Surroundings } from '../command.ts';
import { usageError } from '../parse.ts';
import { describeError } from '../report.ts';
import { readVariables } from '../values/pairs.ts';
import { readProxies } from '../values/proxies.ts';
import { readContext } from '../values/request.ts';
import { readAgents, readSecret } from '../values/sources.ts';

const formats = ['text', 'json', 'sarif'] as const;

const flags = {
  allow: { kind: 'list', value: 'ENTITLEMENT', help: 'With --build: let RUN use it, as for a build' },
  build: {
    kind: 'boolean',
    help: 'Build the target too, and look at the files that it has',
  },
  'build-arg': {
    kind: 'list',
    value: 'NAME=VALUE',
    help: 'A build argument; a name alone is taken from the environment',
  },
  'build-context': { kind: 'list', value: 'NAME=PLACE', help: 'One more context, as for a build' },
  diff: { kind: 'boolean', help: 'Show what --fix would change, and change nothing' },
  'dry-run': { kind: 'boolean', help: 'The same as --diff' },
  error: { kind: 'boolean', help: 'Let warnings count as errors' },
  explain: { kind: 'text', value: 'RULE', help: 'Show what a rule is about, and check nothing' },
  experimental: { kind: 'list', value: 'RULE', help: 'Apply an experimental rule too; all for all of them' },
  file: {
    kind: 'text',
    short: 'f',
    value: 'FILE',
    help: 'The Dockerfile, - for standard input (default CONTEXT/Dockerfile)',
    complete: 'file',
  },
  fix: { kind: 'boolean', help: 'Mend what can be mended mechanically; --diff shows how' },
  format: {
    kind: 'text',
    value: 'FORMAT',
    help: 'text, json as BuildKit has it, or sarif for code hosts (default text)',
    complete: formats,
  },
  platform: { kind: 'text', value: 'PLATFORM', help: 'Check for it, such as linux/arm64' },
  secret: { kind: 'list', value: 'SECRET', help: 'With --build: a secret for its steps, as for a build' },
  skip: { kind: 'list', value: 'RULE', help: 'Leave out a rule; all for all of them' },
  ssh: { kind: 'list', value: 'AGENT', help: 'With --build: an SSH agent for its steps, as for a build' },
  target: { kind: 'text', value: 'STAGE', help: 'Look only into this stage and what it needs (default all)' },
} as const;

type CheckFlags = FlagValues<typeof flags>;

export const command = defineCommand({
  name: 'check',
  summary: 'Check Dockerfiles for mistakes, and mend them',
  usage: '[CONTEXT|FILE...]',
  description: `
Each argument is a build context or a Dockerfile; the context of a Dockerfile is its directory, unless -f names it. The
rules are BuildKit's build checks and our own, in docs/checks. Nothing runs, unless --build says so. In a Dockerfile,
# check=skip=RULE at the top leaves a rule out, or above an instruction for just that.

The exit code is 0 where a Dockerfile can be built, whatever was found; 1 on errors, which warnings are with --error or
# check=error=true; 2 on mistakes in the command line.`,
  flags,
  args: { min: 0, max: Number.POSITIVE_INFINITY, complete: 'file' },
  usageCode: 2,
  examples: [
    ['The Dockerfile of this directory', 'stagecraft check'],
    ['Several', 'stagecraft check Dockerfile docker/*.Dockerfile'],
    ['Mend what can be mended', 'stagecraft check --fix'],
    ['What a rule wants, and why', 'stagecraft check --explain CopyWholeStage'],
    ['For a code host', 'stagecraft check --format sarif > check.sarif'],
    ['Fail a CI job on warnings', 'stagecraft check --error --skip MaintainerDeprecated'],
  ],
  async run(flags, args, surroundings) {
    if (flags.explain !== undefined) {
      const { explainRule } = await import('../explain.ts');
      surroundings.stdout.write(explainRule(flags.explain));
      return 0;
    }
    const format = formats.find(each => each === (flags.format ?? 'text'));
    if (format === undefined)
      throw usageError(
        command,
        `The format "${flags.format}" is unknown.`,
        `There are ${formats.join(', ')}.`,
      );
    const requests = readRequests(flags, args, surroundings.env);
    const checker = openChecker();
    try {
      const reports = await reportsOf(checker, requests, flags, surroundings);
      await write(reports, format, surroundings);
      return reports.some(({ error }) => error !== undefined) ? 1 : 0;
    } finally {
      checker.close();
    }
  },
});

/** One request for each Dockerfile. @throws StagecraftError `usage` */
function readRequests(flags: CheckFlags, args: readonly string[], env: NodeJS.ProcessEnv): BuildRequest[] {
  if (flags.file !== undefined && args.length > 1)
    throw usageError(command, 'With --file there is one context, not several.');
  const common: Omit<BuildRequest, 'context'> = {
    target: flags.target,
    buildArgs: { ...readProxies(env), ...readVariables('--build-arg', flags['build-arg'], env) },
    namedContexts: Object.fromEntries(flags['build-context'].map(readContext)),
    platforms: flags.platform === undefined ? [] : [flags.platform],
    allow: flags.allow,
    secrets: flags.secret.map(secret => readSecret(secret, env)),
    ssh: readAgents(flags.ssh),
    checks: {
      level: 'advice',
      options: {
        skip: readRules(flags.skip),
        experimental: readRules(flags.experimental),
        ...(flags.error && { error: true }),
      },
    },
  };
  const places = args.length === 0 ? ['.'] : args;
  return places.map(place => {
    if (flags.file !== undefined) return { ...common, context: place, dockerfile: flags.file };
    if (place === '-') return { ...common, context: '.', dockerfile: '-' };
    const isFile = statSync(place, { throwIfNoEntry: false })?.isFile() ?? false;
    return isFile ? { ...common, context: dirname(place), dockerfile: place } : { ...common, context: place };
  });
}

function readRules(words: readonly string[]): 'all' | ReadonlySet<string> {
  const names = words.flatMap(word => word.split(',')).map(name => name.trim());
  return names.includes('all') ? 'all' : new Set(names);
}

async function reportsOf(
  checker: Checker,
  requests: readonly BuildRequest[],
  flags: CheckFlags,
  surroundings: Surroundings,
): Promise<CheckReport[]> {
  const reports: CheckReport[] = [];
  for (const request of requests) {
    const text = request.dockerfile === '-' ? await buffer(surroundings.stdin) : undefined;
    if (flags.build) {
      const { checkBuilt } = await import('../built.ts');
      reports.push(await checkBuilt(checker, request, text, surroundings));
    } else if (flags.fix || flags.diff || flags['dry-run']) {
      const { mend } = await import('../mend.ts');
      const isDryRun = Boolean(flags.diff || flags['dry-run']);
      reports.push(await mend(checker, request, text, isDryRun, surroundings));
    } else {
      reports.push(await checker.check(request, text));
    }
  }
  return reports;
}

async function write(
  reports: readonly CheckReport[],
  format: (typeof formats)[number],
  { stdout, stderr, env }: Surroundings,
): Promise<void> {
  if (format === 'json') {
    const { lintResults } = await import('../../lint/formats/buildkit.ts');
    stdout.write(`${JSON.stringify(lintResults(reports), null, 2)}\n`);
  } else if (format === 'sarif') {
    const { sarifLog } = await import('../../lint/formats/sarif.ts');
    const { version } = await import('../../util/version.ts');
    stdout.write(`${JSON.stringify(sarifLog(reports, version, process.cwd()), null, 2)}\n`);
  } else {
    const { checkText } = await import('../../lint/formats/text.ts');
    stdout.write(checkText(reports));
  }
  for (const { name, unknownImages } of reports)
    if (unknownImages.length > 0)
      stderr.write(
        `${name}: not in the store, so that what depends on them was not looked at: ${unknownImages.join(', ')}\n`,
      );
  if (format !== 'text') return;
  const color = Boolean(stderr.isTTY) && !env.NO_COLOR;
  for (const { name, error } of reports) {
    if (error === undefined) continue;
    if (error.range === undefined) stderr.write(`${name}\n`);
    stderr.write(describeError(error, { color, debug: false }));
  }
}
