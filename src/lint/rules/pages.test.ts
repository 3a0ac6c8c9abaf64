// The pages of our own rules: each there, named in the index, and right in its examples.
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { ownPage } from '../pages.ts';
import { check, type Files, findings, subjectOf } from '../testing.ts';
import { imageRules } from './image.ts';
import { planRules } from './plan.ts';
import { syntaxRules } from './syntax.ts';

const root = join(import.meta.dirname, '../../..');
const rules = [...syntaxRules, ...planRules, ...imageRules];
const names = [...new Set(rules.map(({ name }) => name))];

test('Each rule has a page, and each page a rule', () => {
  const index = readFileSync(join(root, 'docs/checks/README.md'), 'utf8');
  for (const { name, url, level } of rules) {
    assert.equal(url, ownPage(name));
    assert.ok(existsSync(join(root, url)), url);
    const page = readFileSync(join(root, url), 'utf8');
    assert.ok(page.startsWith(`# ${name}\n`), name);
    assert.match(page, new RegExp(`^Level: ${level},`, 'm'), name);
    assert.match(
      index,
      new RegExp(`^\\| \\[${name}\\]\\(${url.slice('docs/checks/'.length)}\\) \\| ${level} \\|`, 'm'),
    );
  }
  const pages = readdirSync(join(root, 'docs/checks')).filter(page => page !== 'README.md');
  // One rule of ours is the frontend's.
  assert.deepEqual(
    pages.map(page => `docs/checks/${page}`).sort(),
    [...names, 'CopyOutsideContext'].map(ownPage).sort(),
  );
});

const files: Files = {
  'package.json': '{"devDependencies":{"typescript":"5"}}',
  'package-lock.json': '{}',
  'requirements.txt': 'flask\n',
  'server.js': '',
  '.npmrc': '//registry.example/:_authToken=ab12cd34ef56\n',
  '.git/HEAD': 'ref: refs/heads/main\n',
};

/** What only the built files tell, or has a stand-in where a secret or a digest would be. */
const notFromText = new Set([
  'SecretInDockerfile',
  'ProgramCannotStart',
  'MissingCertificates',
  'MissingTimeZones',
  'PackageCacheInImage',
]);

test('The bad example of a page is bad, the good one good', async () => {
  for (const rule of planRules) {
    if (notFromText.has(rule.name)) continue;
    const page = readFileSync(join(root, rule.url), 'utf8');
    const [bad, good] = ['Bad', 'Good'].map(
      title => new RegExp(`## ${title}\n\n\`\`\`dockerfile\n(.*?)\n\`\`\``, 's').exec(page)?.[1],
    );
    assert.ok(bad !== undefined && good !== undefined, rule.name);
    const context = (text: string): Files => {
      const ignored = /\.dockerignore has a line (\S+)/.exec(text)?.[1];
      return ignored === undefined ? files : { ...files, '.dockerignore': `${ignored}\n` };
    };
    const of = (text: string) => check(rule, `${text}\n`, { files: context(text) });
    assert.notDeepEqual(await of(bad), [], rule.name);
    assert.deepEqual(await of(good.replace('<64 hexadecimal digits>', 'a'.repeat(64))), [], rule.name);
  }
});

test('The good examples are good Dockerfiles altogether, but for advice that is a matter of taste', async () => {
  const taste = new Set(['BaseImageWithoutDigest', 'RunsAsRoot', 'HealthcheckMissing']);
  for (const name of [
    'CopyWholeStage',
    'BuildToolsInImage',
    'DevDependenciesInImage',
    'AptListsLeft',
    'PipCacheLeft',
  ]) {
    const page = readFileSync(join(root, ownPage(name)), 'utf8');
    const good = /## Good\n\n```dockerfile\n(.*?)```/s.exec(page)![1]!;
    const subject = await subjectOf(good, { files });
    for (const rule of planRules)
      if (!taste.has(rule.name) && !/Secret|Git/.test(rule.name))
        assert.deepEqual(await findings(rule, subject), [], `${name}: ${rule.name}`);
  }
});
