import assert from 'node:assert/strict';
import { test } from 'node:test';
import { humanDuration, humanSince, humanSize } from './human.ts';
import { formatRows, hidden, layOutTable } from './table.ts';

const columns = [
  { field: 'Repository', heading: 'REPOSITORY' },
  { field: 'Size', heading: 'SIZE' },
  ...hidden('ID'),
];
const rows = [
  { Repository: 'app', Size: '1.5MB', ID: 'abc' },
  { Repository: 'a/much/longer/name', Size: '77.8MB', ID: 'def' },
];

test('tables are laid out as those of Docker', () => {
  assert.equal(
    formatRows(rows, columns),
    'REPOSITORY           SIZE\napp                  1.5MB\na/much/longer/name   77.8MB\n',
  );
});

test('no text in a table reaches the terminal as a command', () => {
  const table = layOutTable([['NAME'], ['\x1b]0;title\x07\x1b[2Jx\u009b31m\ny']]);
  assert.equal(table, `NAME\n\ufffd]0;title\ufffd\ufffd[2Jx\ufffd31m\ufffdy\n`);
});

test('json is one object a line, with fields that the table does not show', () => {
  const lines = formatRows(rows, columns, 'json').trimEnd().split('\n');
  assert.deepEqual(
    lines.map(line => JSON.parse(line)),
    rows,
  );
});

test('a template is filled for each row; with "table" its fields are columns', () => {
  assert.equal(formatRows(rows, columns, '{{.Repository}}:{{ .ID }}'), 'app:abc\na/much/longer/name:def\n');
  assert.equal(
    formatRows(rows, columns, 'table {{.ID}}\\t{{.Size}}'),
    'ID        SIZE\nabc       1.5MB\ndef       77.8MB\n',
  );
});

test('a field that does not exist is an error that lists those that do', () => {
  assert.throws(() => formatRows(rows, columns, '{{.Name}}'), { hint: 'There are: Repository, Size, ID.' });
});

test('sizes have three digits and a decimal unit', () => {
  const sizes = [0, 999, 1000, 1234, 77_800_000, 999_999, 1_000_000, 1_020_000_000];
  assert.deepEqual(sizes.map(humanSize), ['0B', '999B', '1kB', '1.23kB', '77.8MB', '1MB', '1MB', '1.02GB']);
});

test('ages are told as Docker tells them', () => {
  const hour = 3_600_000;
  const ages = [
    0,
    1000,
    59_000,
    60_000,
    119_000,
    120_000,
    hour,
    2 * hour,
    47 * hour,
    48 * hour,
    24 * 14 * hour,
  ];
  assert.deepEqual(ages.map(humanDuration), [
    'Less than a second',
    '1 second',
    '59 seconds',
    'About a minute',
    'About a minute',
    '2 minutes',
    'About an hour',
    '2 hours',
    '47 hours',
    '2 days',
    '2 weeks',
  ]);
  assert.equal(humanSince('1970-01-01T00:00:00Z', 24 * 365 * 2 * hour), '2 years ago');
  assert.equal(humanSince(undefined), 'N/A');
});
