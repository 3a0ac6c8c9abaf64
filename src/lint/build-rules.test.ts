import assert from 'node:assert/strict';
import { test } from 'node:test';
import { buildRules } from './build-rules.ts';
import { imageWarnings } from './image-warnings.ts';
import { rules } from './registry.ts';

test('builds apply just the rules that warn', () => {
  const warning = (all: readonly { name: string; level: string }[]): string[] =>
    all.filter(({ level }) => level === 'warning').map(({ name }) => name);
  const names = (all: readonly { name: string }[]): string[] => all.map(({ name }) => name);
  assert.deepEqual(names(buildRules.syntax), warning(rules.syntax));
  assert.deepEqual(names(buildRules.plan), warning(rules.plan));
  assert.deepEqual(names(imageWarnings), warning(rules.image));
});

test('a rule has a name of its own, and one page whatever it looks at', () => {
  for (const all of [rules.syntax, rules.plan, rules.image])
    assert.equal(new Set(all.map(({ name }) => name)).size, all.length);
  const pages = new Map<string, string>();
  for (const { name, description, url, level } of [...rules.syntax, ...rules.plan, ...rules.image]) {
    const said = JSON.stringify([description, url, level]);
    assert.equal(pages.get(name) ?? said, said);
    pages.set(name, said);
  }
});
