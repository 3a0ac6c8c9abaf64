import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { test } from 'node:test';
import { planningRules } from '../frontend/warnings.ts';
import { ownPage } from './pages.ts';
import { planningPage } from './planning.ts';
import { rules } from './registry.ts';

test('every rule of our own has its page', () => {
  const applied = [...rules.syntax, ...rules.plan, ...rules.image].map(({ url }) => url);
  const planned = Object.keys(planningRules).map(planningPage);
  for (const url of [...applied, ...planned]) {
    if (url === undefined || url.startsWith('https://docs.docker.com/')) continue;
    assert.match(url, /^docs\/checks\/[a-z-]+\.md$/);
    assert.ok(existsSync(new URL(`../../${url}`, import.meta.url)), url);
  }
  assert.equal(ownPage('CopyIntoJSONFile'), 'docs/checks/copy-into-json-file.md');
});
