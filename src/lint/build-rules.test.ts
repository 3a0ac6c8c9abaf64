import assert from 'node:assert/strict';
import { test } from 'node:test';
import { buildRules } from './build-rules.ts';
import { rules } from './registry.ts';

test('builds apply just the rules that warn', () => {
  const warning = (all: readonly { name: string; level: string }[]): string[] =>
    all.filter(({ level }) => level === 'warning').map(({ name }) => name);
  const names = (all: readonly { name: string }[]): string[] => all.map(({ name }) => name);
  assert.deepEqual(names(buildRules.syntax), warning(rules.syntax));
  assert.deepEqual(names(buildRules.plan), warning(rules.plan));
  assert.deepEqual(names(buildRules.image), warning(rules.image));
});

test('a rule has a name of its own', () => {
  const names = [...rules.syntax, ...rules.plan, ...rules.image].map(({ name }) => name);
  assert.equal(new Set(names).size, names.length);
});
