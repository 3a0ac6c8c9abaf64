import assert from 'node:assert/strict';
import { test } from 'node:test';
import { goDuration, goList, goQuote, goQuoteList } from './go-text.ts';

test('lists of words are quoted as docker history shows them', () => {
  assert.equal(
    goQuoteList(['/bin/sh', '-c', 'echo "a\tb" \\ é €']),
    '["/bin/sh" "-c" "echo \\"a\\tb\\" \\\\ é €"]',
  );
  assert.equal(goQuoteList([]), '[]');
  assert.equal(goList(['/a', '/b c']), '[/a /b c]');
});

test('what cannot be printed is escaped', () => {
  assert.equal(goQuote('\u0001\u007f\u00a0\u200b\u{e0001}'), '"\\x01\\x7f\\u00a0\\u200b\\U000e0001"');
});

test('durations have the form of Go', () => {
  const cases: [number, string][] = [
    [0, '0s'],
    [1, '1ns'],
    [1500, '1.5µs'],
    [500e6, '500ms'],
    [1.5e9, '1.5s'],
    [30e9, '30s'],
    [90e9, '1m30s'],
    [3600e9, '1h0m0s'],
    [3723e9 + 5e6, '1h2m3.005s'],
  ];
  for (const [nanoseconds, text] of cases) assert.equal(goDuration(nanoseconds), text);
});
