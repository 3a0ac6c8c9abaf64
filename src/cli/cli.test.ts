import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { putImage } from '../store/fixture.ts';
import { nameImage } from '../store/images.ts';
import { openStore } from '../store/store.ts';

const program = fileURLToPath(new URL('main.ts', import.meta.url));

const directory = mkdtempSync(join(tmpdir(), 'stagecraft-cli-'));
after(() => rmSync(directory, { recursive: true, force: true }));

const root = join(directory, 'store');
const store = openStore(root);
nameImage(store, putImage(store, 'hello'), ['docker.io/library/app:1.0', 'docker.io/library/app:latest']);
nameImage(store, putImage(store, 'other'), ['ghcr.io/team/tool:2']);
nameImage(store, putImage(store, 'nameless'), []);
store.close();

function stagecraft(...words: string[]) {
  const env = { ...process.env, STAGECRAFT_ROOT: root, XDG_CACHE_HOME: join(directory, 'cache') };
  return spawnSync(process.execPath, [program, ...words], { encoding: 'utf8', env });
}

test('images lists names, IDs, ages and sizes in the columns of Docker', () => {
  const { stdout, stderr, status } = stagecraft('images');
  assert.equal(stderr, '');
  assert.equal(status, 0);
  const [heading, ...lines] = stdout.trimEnd().split('\n');
  assert.match(heading!, /^REPOSITORY {2,}TAG {2,}IMAGE ID {2,}CREATED {2,}SIZE$/);
  assert.equal(lines.length, 4);
  assert.match(stdout, /^ghcr\.io\/team\/tool {2,}2 {2,}[0-9a-f]{12} {2,}.* ago {2,}\d+B$/m);
  assert.match(stdout, /^app {2,}1\.0 /m);
  assert.match(stdout, /^<none> {2,}<none> /m);
});

test('images can be filtered and written for scripts', () => {
  const rows = stagecraft('images', '--format', 'json', 'app').stdout.trimEnd().split('\n');
  assert.deepEqual(rows.map(row => JSON.parse(row).Tag).sort(), ['1.0', 'latest']);
  assert.match(stagecraft('images', '-q', '-f', 'dangling=true').stdout, /^[0-9a-f]{12}\n$/);
  assert.equal(
    stagecraft('images', '-f', 'reference=ghcr.io/*/*', '--format', '{{.Repository}}').stdout,
    'ghcr.io/team/tool\n',
  );
});

test('history shows the steps, newest first', () => {
  const lines = stagecraft('history', 'app').stdout.trimEnd().split('\n');
  assert.match(lines[1]!, /^[0-9a-f]{12} .*CMD \/hello .*0B$/);
  assert.match(lines[2]!, /^<missing> .*COPY hello \/ .*5B$/);
});

test('inspect prints what Docker prints, and a field of it', () => {
  const [image] = JSON.parse(stagecraft('inspect', 'app').stdout);
  assert.deepEqual(image.RepoTags.sort(), ['app:1.0', 'app:latest']);
  assert.equal(stagecraft('inspect', '-f', '{{index .Config.Cmd 0}}', 'app').stdout, '/hello\n');
  const missing = stagecraft('inspect', 'app', 'nothing');
  assert.equal(missing.status, 1);
  assert.equal(JSON.parse(missing.stdout).length, 1, 'those that are there are shown');
  assert.match(missing.stderr, /ERROR: There is no image nothing/);
});

test('an image keeps its other names when one goes, and goes with the last', () => {
  assert.equal(stagecraft('tag', 'ghcr.io/team/tool:2', 'tool:new').status, 0);
  assert.equal(stagecraft('rmi', 'tool:new').stdout, 'Untagged: tool:new\n');
  assert.match(
    stagecraft('rmi', 'ghcr.io/team/tool:2').stdout,
    /^Untagged: ghcr\.io\/team\/tool:2\nDeleted: sha256:[0-9a-f]{64}\n$/,
  );
  assert.equal(stagecraft('inspect', 'ghcr.io/team/tool:2').status, 1);
});

test('removing an image with several names by its ID must be forced', () => {
  stagecraft('tag', 'app', 'copy:1');
  const id = stagecraft('inspect', '-f', '{{.Id}}', 'copy:1').stdout.trim();
  const refused = stagecraft('rmi', id);
  assert.equal(refused.status, 1);
  assert.match(refused.stderr, /has several names: /);
  const forced = stagecraft('rmi', '-f', id);
  assert.equal(forced.status, 0);
  assert.equal(forced.stdout.match(/^Untagged: /gm)?.length, 3);
});

test('prune asks first, and without a terminal wants --force', () => {
  assert.match(stagecraft('prune').stderr, /ERROR: There is no terminal to ask on/);
  const pruned = stagecraft('prune', '--force');
  assert.match(pruned.stdout, /Total reclaimed space: /);
  assert.equal(stagecraft('images', '-q', '-f', 'dangling=true').stdout, '');
});

test('a wrong word is answered with the right one, exit code 1, and nothing on standard output', () => {
  for (const [words, expected] of [
    [['imgaes'], /There is no command imgaes\.\nDid you mean stagecraft images\?/],
    [['build', '--pusch', '.'], /There is no flag --pusch.*\nDid you mean --push\?/],
    [['images', '--fromat', 'x'], /There is no flag --fromat.*\nDid you mean --format\?/],
    [['images', '--format', '{{.Nme}}'], /names the field Nme, which does not exist/],
  ] as const) {
    const { stdout, stderr, status } = stagecraft(...words);
    assert.equal(status, 1);
    assert.equal(stdout, '');
    assert.match(stderr, expected);
  }
});

test('help and version are written to standard output', () => {
  assert.match(stagecraft().stdout, /^Usage: stagecraft COMMAND/);
  assert.match(stagecraft('images', '--help').stdout, /^Usage: stagecraft images/);
  assert.match(stagecraft('help', 'images').stdout, /^Usage: stagecraft images/);
  assert.match(stagecraft('--version').stdout, /^stagecraft \d+\.\d+\.\d+/);
});

test('colours are for terminals only', () => {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: looks for escape sequences.
  assert.doesNotMatch(stagecraft('imgaes').stderr, /\u001b/);
});

test('a reader that goes away early is no failure', () => {
  const env = { ...process.env, STAGECRAFT_ROOT: root };
  const piped = spawnSync(
    'sh',
    ['-c', `'${process.execPath}' '${program}' completion bash | head -c 1 >/dev/null`],
    {
      encoding: 'utf8',
      env,
    },
  );
  assert.equal(piped.stderr, '');
});

test('doctor tells what it found, for people and for scripts, and its exit code is the verdict', () => {
  const { stdout, status } = stagecraft('doctor');
  assert.match(stdout, /^(ok|warn|fail) +kernel +Linux /m);
  const lines = stagecraft('doctor', '--format', 'json').stdout.trimEnd().split('\n');
  const checks = lines.map(line => JSON.parse(line));
  assert.ok(checks.some(({ Name, Found }) => Name === 'store' && Found.includes(root)));
  assert.equal(status, checks.some(({ Status }) => Status === 'fail') ? 1 : 0);
});
