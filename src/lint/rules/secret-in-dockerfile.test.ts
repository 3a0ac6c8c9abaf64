import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fc } from '../../util/property.ts';
import { findSecret } from '../secret-patterns.ts';
import { findings, subjectOf } from '../testing.ts';
import type { Rule, SyntaxSubject } from '../types.ts';
import { secretInDockerfile as rule } from './secret-in-dockerfile.ts';

// Put together here, so that nobody takes this file for one with secrets.
const letters = 'aB3dE5gH7jK9mN1pQ2sT4vW6yZ8bC0fG3hJ5';
const github = `gh${'p_'}${letters}`;
const aws = `AK${'IA'}Q3W4E5R6T7Y2U5I6`;
const key = `-----BEGIN RSA ${'PRIVATE'} KEY-----`;

async function of(text: string): Promise<string[]> {
  const { file } = await subjectOf(text);
  return findings<never>(
    rule as unknown as Rule<never>,
    { file, stages: file.stages, steps: [] } satisfies SyntaxSubject as never,
  );
}

test('A value that is a secret by its form is found, and not repeated', async () => {
  assert.deepEqual(await of(`FROM a:1\nENV A=b GITHUB=${github}\n`), [
    '2:9 ENV holds what looks like a GitHub token; replace it where it was issued, and hand the new one in by RUN --mount=type=secret',
  ]);
  for (const text of [
    `ARG X=${github}\nFROM a:1\n`,
    `FROM a:1\nARG X="${aws}"\n`,
    `FROM a:1\nRUN git clone https://x:${github}@github.com/a/b\n`,
    `FROM a:1\nRUN curl -u ci:hJ5k-2Lp9x https://ci:hJ5k-2Lp9x@repo.acme.io/\n`,
    `FROM a:1\nLABEL x="${github}"\n`,
  ])
    assert.equal((await of(text)).length, 1, text);
  const [document] = await of(`FROM a:1\nCOPY <<EOF /key\n# a\n${key}\nEOF\n`);
  assert.match(document!, /^4:1 COPY holds what looks like a private key/);
});

test('Names, variables, examples and passwords of a developer are no secrets', async () => {
  for (const text of [
    'FROM a:1\nENV GITHUB_TOKEN=changeme\n',
    'FROM a:1\nARG TOKEN\nENV TOKEN=$TOKEN\n',
    `FROM a:1\nENV K=AK${'IA'}IOSFODNN7EXAMPLE\n`,
    `FROM a:1\nENV K=gh${'p_'}${'x'.repeat(36)}\n`,
    'FROM a:1\nENV DATABASE_URL=postgres://postgres:postgres@db:5432/app\n',
    'FROM a:1\nENV DATABASE_URL=postgres://app:$PASSWORD@db.acme.io/app\n',
    'FROM a:1\nRUN git clone https://user:pass@example.com/x\n',
    'FROM a:1\nENV AWS_REGION=eu-central-1 SHA=0123456789abcdef0123456789abcdef01234567\n',
    'FROM a:1\nADD --checksum=sha256:24454f830cdb571e2c4ad15481119c43b3cafd48dd869a9b2945d1036d1dc68d https://a.io/x /\n',
  ])
    assert.deepEqual(await of(text), [], text);
});

test('Any text is looked through in time', () => {
  fc.assert(fc.property(fc.string({ unit: 'binary' }), text => void findSecret(text)));
  for (const piece of ['a://', 'https://a:', '-----BEGIN ', 'gh', 'sk-', 'A ', 'aB3dE5gH7j:', 'a.'])
    findSecret(piece.repeat(30_000));
});
