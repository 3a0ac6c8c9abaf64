import assert from 'node:assert/strict';
import { test } from 'node:test';
import { check } from '../testing.ts';
import { installAfterSourceCopy as rule } from './install-after-source-copy.ts';

const files = {
  'package.json': '{"dependencies":{"express":"5"}}',
  'package-lock.json': '{}',
  'src/a.js': '',
  'requirements.txt': 'flask==3\n# -r no\n',
  'go.mod': 'module a\nrequire b v1\n',
  'go.sum': '',
  Gemfile: "gem 'rails'\n",
  'composer.json': '{"require":{"a/b":"1"},"autoload":{"psr-4":{"A\\\\":"src/"}}}',
  'pom.xml': '<project/>',
  'Cargo.toml': '[package]\nname="a"\n',
  'main.go': '',
};
const of = (rest: string, context: Record<string, string> | undefined = files) =>
  check(rule, `FROM a:1\nWORKDIR /app\n${rest}\n`, context && { files: context });

test('An install behind the copy of all sources is found', async () => {
  assert.deepEqual(await of('COPY . .\nRUN npm ci'), [
    '4:5 "npm ci" runs again whenever any source changes, because "COPY . ." at line 3 comes before it; copy package.json and package-lock.json first, install, then copy the rest',
  ]);
  for (const rest of [
    'COPY ./ ./\nRUN npm install && npm run build',
    'ADD . /app/\nRUN yarn install --frozen-lockfile',
    'COPY . .\nRUN pip install --no-cache-dir -r requirements.txt',
    'COPY . .\nRUN go mod download',
    'COPY . .\nRUN bundle install',
    'COPY . .\nRUN composer install --no-dev',
    'COPY . .\nRUN mvn -B dependency:go-offline',
    'COPY . .\nRUN cargo fetch --locked',
    'COPY src src\nCOPY package*.json ./\nRUN npm ci',
    'COPY . /src\nWORKDIR /src\nRUN npm ci',
    'COPY . .\nRUN npm ci\nRUN npm ci --omit=dev',
  ])
    assert.ok((await of(rest)).length >= 1, rest);
});

test('Lists first, then the install, then the sources is how it should be', async () => {
  for (const rest of [
    'COPY package*.json ./\nRUN npm ci\nCOPY . .\nRUN npm run build',
    'COPY package*.json ./\nRUN npm ci\nCOPY . .\nRUN npm ci --omit=dev',
    'COPY requirements.txt .\nRUN pip install -r requirements.txt\nCOPY . .',
    'RUN --mount=type=bind,source=package.json,target=package.json npm ci\nCOPY . .',
  ])
    assert.deepEqual(await of(rest), [], rest);
});

test('An install that may need the sources, or costs nothing to repeat, is fine', async () => {
  for (const rest of [
    'COPY . .\nRUN npm install -g pm2',
    'COPY . .\nRUN npm install express',
    'COPY . .\nRUN pip install .',
    'COPY . .\nRUN pip install -r requirements.txt .',
    'COPY . .\nRUN go build ./...',
    'COPY . .\nRUN composer install --no-dev --optimize-autoloader',
    'COPY . .\nRUN mvn package',
    'COPY . .\nRUN cargo build',
    'COPY . .\nRUN --mount=type=cache,target=/root/.npm npm ci',
    'COPY --from=b:1 / /x\nRUN npm ci',
    // What it reads is not from the context.
    'COPY . .\nRUN cd /tmp/other && npm ci',
    'COPY . .\nRUN pip install -r /tmp/made.txt',
  ])
    assert.deepEqual(await of(rest), [], rest);
});

test('The lists themselves may need the sources', async () => {
  const npm = (json: string) => of('COPY . .\nRUN npm ci', { ...files, 'package.json': json });
  assert.deepEqual(await npm('{"workspaces":["a"]}'), []);
  assert.deepEqual(await npm('{"scripts":{"postinstall":"node build.js"}}'), []);
  assert.deepEqual(await npm('{"dependencies":{"a":"file:./a"}}'), []);
  assert.deepEqual(await npm('no json'), []);
  assert.deepEqual(
    await of('COPY . .\nRUN pip install -r requirements.txt', { ...files, 'requirements.txt': '-e .\n' }),
    [],
  );
  assert.deepEqual(
    await of('COPY . .\nRUN go mod download', { ...files, 'go.mod': 'replace a => ./a\n' }),
    [],
  );
  assert.deepEqual(await of('COPY . .\nRUN bundle install', { ...files, Gemfile: 'gemspec\n' }), []);
});

test('A context that holds nothing but lists is no copy of sources', async () => {
  const lists = { 'package.json': '{}', 'package-lock.json': '{}', Dockerfile: '', '.dockerignore': '' };
  assert.deepEqual(await of('COPY . .\nRUN npm ci', lists), []);
});

test('Without a context to look at the text decides', async () => {
  assert.equal((await check(rule, 'FROM a:1\nCOPY . .\nRUN npm ci\n')).length, 1);
});
