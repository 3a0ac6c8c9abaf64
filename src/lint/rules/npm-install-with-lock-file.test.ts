import assert from 'node:assert/strict';
import { test } from 'node:test';
import { check, fixed } from '../testing.ts';
import { npmInstallWithLockFile as rule } from './npm-install-with-lock-file.ts';

const files = {
  'package.json': '{}',
  'package-lock.json': '{}',
  'web/package.json': '{}',
  'web/package-lock.json': '{}',
};
const of = (rest: string, context: Record<string, string> = files) =>
  check(rule, `FROM node:26\n${rest}\n`, { files: context });

test('An install that could keep to the lock file is found', async () => {
  assert.deepEqual(await of('WORKDIR /app\nCOPY package*.json ./\nRUN npm install'), [
    '4:5 "npm install" may install other versions than package-lock.json says; "npm ci" keeps to it',
  ]);
  for (const rest of [
    'COPY . .\nRUN npm i --omit=dev',
    'COPY . /app\nRUN cd /app && npm install --production',
    'WORKDIR /app\nCOPY web/ ./\nRUN npm install',
    'WORKDIR /app\nCOPY package.json package-lock.json ./\nRUN npm --loglevel error install && npm run build',
    'WORKDIR /app\nRUN --mount=type=bind,source=package-lock.json,target=package-lock.json npm install',
    'WORKDIR /w\nCOPY . .\nWORKDIR web\nRUN npm install',
  ])
    assert.equal((await of(rest)).length, 1, rest);
});

test('Without a lock file at hand, or with packages to add, npm install is right', async () => {
  for (const rest of [
    'COPY package.json ./\nRUN npm install',
    'COPY . .\nRUN npm ci',
    'COPY . .\nRUN npm install express',
    'COPY . .\nRUN npm install -g npm@11',
    'COPY . .\nRUN npm install --no-package-lock',
    'RUN npm install\nCOPY . .',
    'COPY . /elsewhere\nWORKDIR /app\nRUN npm install',
    'COPY . .\nRUN npm run install',
  ])
    assert.deepEqual(await of(rest), [], rest);
  assert.deepEqual(await of('COPY . .\nRUN npm install', { 'package.json': '{}' }), []);
  assert.deepEqual(
    await of('COPY . .\nRUN npm install', { ...files, '.dockerignore': '**/package-lock.json' }),
    [],
  );
});

test('The fix writes ci, unless a flag means something else then', async () => {
  const text = 'FROM node:26\nCOPY . .\nRUN npm install --omit=dev && npm run build\n';
  assert.equal(await fixed(rule, text, { files }), text.replace('npm install', 'npm ci'));
  const { runRules } = await import('../run.ts');
  const { subjectOf } = await import('../testing.ts');
  const [found] = await runRules(
    [rule],
    await subjectOf('FROM node:26\nCOPY . .\nRUN npm install --force\n', { files }),
  );
  assert.equal(found!.fix, undefined);
});
