import assert from 'node:assert/strict';
import { test } from 'node:test';
import { maskCredentials } from './credentials.ts';

test('what a URL tells of a user is masked, and nothing else', () => {
  for (const [text, shown] of [
    ['https://user:pass@host/path.git#ref', 'https://xxxxx:xxxxx@host/path.git#ref'],
    ['https://token@host:8080/a@b', 'https://xxxxx@host:8080/a@b'],
    ['https://a:b@c@host/', 'https://xxxxx:xxxxx@host/'],
    ['ssh://git@host/path', 'ssh://xxxxx@host/path'],
    ['https://host/a?b=c@d', 'https://host/a?b=c@d'],
    ['https://host#a@b', 'https://host#a@b'],
    ['git@host:path', 'git@host:path'],
    ['./dir@x', './dir@x'],
  ] as const)
    assert.equal(maskCredentials(text), shown);
});
