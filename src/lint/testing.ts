// For the tests of checks: a Dockerfile planned over images in memory, and a context or an image in a directory.
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after } from 'node:test';
import { parseIgnoreFile } from '../dockerfile/ignore.ts';
import { planStages } from '../frontend/plan.ts';
import { type Images, requestOf, resolverOf } from '../frontend/testing.ts';
import type { FrontendRequest } from '../frontend/types.ts';
import type { ContainerConfig } from '../image/types.ts';
import { RootView } from '../snapshot/root-view.ts';
import { LocalTree } from '../source/local.ts';
import { runRules } from './run.ts';
import type { Finding, ImageSubject, PlanSubject, Rule } from './types.ts';

/** Files by path: text, bytes, a symlink, or a directory. */
export type Files = Readonly<
  Record<
    string,
    | string
    | Uint8Array
    | { link: string }
    | { directory: true }
    | { mode: number; content: string | Uint8Array }
  >
>;

export interface SubjectOptions {
  /** Of the build context; without, there is none to look at. `.dockerignore` counts. */
  readonly files?: Files;
  /** Configs of base images. Any other image has no config but a shell. */
  readonly images?: Readonly<Record<string, ContainerConfig>>;
  /** Base images that are not known. */
  readonly unknown?: readonly string[];
  readonly request?: Partial<FrontendRequest>;
}

export async function subjectOf(text: string, options: SubjectOptions = {}): Promise<PlanSubject> {
  const { files, images = {}, unknown = [], request } = options;
  const known: Images = {};
  const configs = resolverOf(known);
  const plan = await planStages(
    requestOf(text, {
      resolveImage: async (ref, platform) => {
        const name = ref.replace(/^docker\.io\/(?:library\/)?/, '');
        if (unknown.includes(name.replace(/:latest$/, ''))) return undefined;
        known[ref] ??= { config: images[name] ?? images[name.replace(/:latest$/, '')] ?? { Cmd: ['sh'] } };
        return configs(ref, platform);
      },
      ...request,
    }),
  );
  return {
    ...plan,
    context: files && openContext(files),
    ignorePatterns: [],
  };
}

/** A subject whose image holds these files. */
export async function imageOf(
  text: string,
  tree: Files,
  options: SubjectOptions = {},
): Promise<ImageSubject> {
  const { rules } = await import('./registry.ts');
  const subject = await subjectOf(text, options);
  const told = await runRules(rules.plan, subject);
  return {
    ...subject,
    tree: new RootView([directoryOf(tree)]),
    config: subject.result.config,
    isNew: true,
    told,
  };
}

function openContext(files: Files): LocalTree {
  const ignore = files['.dockerignore'];
  const excludePatterns =
    typeof ignore === 'string' ? parseIgnoreFile(Buffer.from(ignore), '.dockerignore') : [];
  const tree = new LocalTree(directoryOf(files), { excludePatterns });
  after(() => tree.close());
  return tree;
}

export function directoryOf(files: Files): string {
  const directory = mkdtempSync(join(tmpdir(), 'stagecraft-lint-'));
  after(() => rmSync(directory, { recursive: true, force: true }));
  for (const [path, content] of Object.entries(files)) {
    const place = join(directory, path);
    mkdirSync(dirname(place), { recursive: true });
    if (typeof content === 'string' || content instanceof Uint8Array)
      writeFileSync(place, content, { mode: 0o644 });
    else if ('link' in content) symlinkSync(content.link, place);
    else if ('directory' in content) mkdirSync(place, { recursive: true });
    else writeFileSync(place, content.content, { mode: content.mode });
  }
  return directory;
}

/** What a rule finds, as `line:column message`. */
export async function findings<Subject extends PlanSubject>(
  rule: Rule<Subject>,
  subject: Subject,
): Promise<string[]> {
  return (await runRules([rule], subject)).map(
    ({ message, range }) => `${range.start.line}:${range.start.column} ${message}`,
  );
}

/** What a rule finds in a Dockerfile. */
export async function check(
  rule: Rule<PlanSubject>,
  text: string,
  options?: SubjectOptions,
): Promise<string[]> {
  return findings(rule, await subjectOf(text, options));
}

/** The Dockerfile with a rule's fixes made, in which it must then find nothing more. */
export async function fixed(
  rule: Rule<PlanSubject>,
  text: string,
  options?: SubjectOptions,
): Promise<string> {
  const result = apply(text, await runRules([rule], await subjectOf(text, options)));
  assert.deepEqual(await check(rule, result, options), []);
  return result;
}

function apply(text: string, found: readonly Finding[]): string {
  const starts = [0];
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) starts.push(at + 1);
  const offset = ({ line, column }: { line: number; column: number }) => starts[line - 1]! + column - 1;
  const edits = found
    .flatMap(({ fix }) => fix?.edits ?? [])
    .map(edit => ({ from: offset(edit.range.start), to: offset(edit.range.end), text: edit.text }))
    .sort((a, b) => b.from - a.from);
  let result = text;
  for (const edit of edits) result = result.slice(0, edit.from) + edit.text + result.slice(edit.to);
  return result;
}
