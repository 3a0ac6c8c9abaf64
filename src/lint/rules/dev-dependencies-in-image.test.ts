import assert from 'node:assert/strict';
import { test } from 'node:test';
import { check, findings, imageOf } from '../testing.ts';
import { devDependenciesInImage, devDependenciesInstalled } from './dev-dependencies-in-image.ts';

const files = { 'package.json': '{"devDependencies":{"typescript":"5"}}', 'package-lock.json': '{}' };
const of = (rest: string, context: Record<string, string> = files) =>
  check(devDependenciesInstalled, `FROM node:26\nWORKDIR /app\nCOPY . .\n${rest}\n`, { files: context });

test('An install with devDependencies in the final image is found', async () => {
  assert.deepEqual(await of('RUN npm ci && npm run build'), [
    '4:5 "npm ci" brings devDependencies into the final image; add --omit=dev, in a stage of its own where the build needs them',
  ]);
  for (const rest of [
    'RUN npm install',
    'RUN yarn install --frozen-lockfile',
    'RUN pnpm install',
    'ENV NODE_ENV=development\nRUN npm ci',
  ])
    assert.equal((await of(rest)).length, 1, rest);
});

test('Left out, pruned, or in a stage that is thrown away they are fine', async () => {
  for (const rest of [
    'RUN npm ci --omit=dev',
    'RUN npm ci --omit dev',
    'RUN yarn --production',
    'ENV NODE_ENV=production\nRUN npm ci',
    'RUN NODE_ENV=production npm ci',
    'RUN npm ci && npm run build && npm prune --omit=dev',
    'RUN npm ci && npm run build && rm -rf node_modules',
    'RUN npm ci\nRUN npm run build\nRUN npm ci --omit=dev',
    'RUN npm ci\nFROM node:26\nCOPY package.json .',
  ])
    assert.deepEqual(await of(rest), [], rest);
  assert.deepEqual(await of('RUN npm ci', { ...files, 'package.json': '{"dependencies":{"a":"1"}}' }), []);
});

test("npm's own record tells which packages of the image are for development", async () => {
  const packages = {
    'node_modules/typescript': { dev: true },
    'node_modules/@types/node': { dev: true },
    'node_modules/typescript/node_modules/x': { dev: true },
    'node_modules/express': {},
    'node_modules/both': { devOptional: true },
    'node_modules/gone': { dev: true },
  };
  const tree = {
    'app/node_modules/.package-lock.json': JSON.stringify({ lockfileVersion: 3, packages }),
    'app/node_modules/typescript/lib.js': 'x'.repeat(3000),
    'app/node_modules/@types/node/a.d.ts': 'x'.repeat(500),
    'app/node_modules/express/index.js': 'x',
  };
  const text = 'FROM node:26\nWORKDIR /app\nCOPY --from=a:1 /x /other\nCOPY --from=a:1 /app .\n';
  assert.deepEqual(await findings(devDependenciesInImage, await imageOf(text, tree)), [
    '4:1 /app/node_modules holds 2 packages for development only, 3.5 kB: typescript, @types/node; install with --omit=dev, in a stage of its own where the build needs them',
  ]);
  const without = {
    ...tree,
    'app/node_modules/.package-lock.json': JSON.stringify({ packages: { 'node_modules/express': {} } }),
  };
  assert.deepEqual(await findings(devDependenciesInImage, await imageOf(text, without)), []);
  const broken = { ...tree, 'app/node_modules/.package-lock.json': '{"packages":[1,null' };
  assert.deepEqual(await findings(devDependenciesInImage, await imageOf(text, broken)), []);
});

test('So do the records of pnpm and composer', async () => {
  const pnpm = {
    'app/node_modules/.modules.yaml': '{"included":{"devDependencies": true}}',
    'app/package.json': files['package.json'],
  };
  assert.match(
    (await findings(devDependenciesInImage, await imageOf('FROM a:1\nRUN pnpm i\n', pnpm)))[0]!,
    /^2:1 \/app\/node_modules was installed with devDependencies/,
  );
  const composer = {
    'app/vendor/composer/installed.json': '{"dev":true,"dev-package-names":["phpunit/phpunit"]}',
  };
  assert.deepEqual(
    await findings(devDependenciesInImage, await imageOf('FROM a:1\nRUN composer install\n', composer)),
    ['2:1 /app/vendor holds 1 package for development only: phpunit/phpunit; use composer install --no-dev'],
  );
});
