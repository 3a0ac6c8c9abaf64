import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chooseDisplayMode, createDisplay } from './display.ts';
import { EventScript, FakeTerminal, TextStream } from './testing.ts';
import type { Display, OutputStream } from './types.ts';

function run(display: Display, error?: unknown): void {
  const script = new EventScript(Date.UTC(2026, 0, 1));
  display.sink(script.start('RUN make', 0));
  display.sink(script.output('RUN make', 0.25, 'working\n'));
  display.sink(script.complete('RUN make', 0, 1, error ? { error: String(error) } : {}));
  display.close(error);
}

function textOf(
  mode: Parameters<typeof createDisplay>[0],
  stream: OutputStream & { written?: string },
  env = {},
): string {
  run(createDisplay(mode, stream, env));
  return stream.written ?? (stream as TextStream).text;
}

test('auto is the live display on a terminal and plain text anywhere else', () => {
  assert.match(textOf('auto', new FakeTerminal(80, 24)), /\[\+\] Building/);
  assert.match(textOf('auto', new TextStream()), /^#1 RUN make\n/);
});

test('a terminal that cannot move its cursor gets plain text', () => {
  assert.match(textOf('tty', new FakeTerminal(80, 24), { TERM: 'dumb' }), /^#1 RUN make\n/);
  assert.match(textOf('tty', new TextStream()), /^#1 RUN make\n/);
});

test('rawjson is the events as they are, one a line', () => {
  const lines = textOf('rawjson', new FakeTerminal(80, 24)).trimEnd().split('\n');
  const events = lines.map(line => JSON.parse(line));
  assert.equal(events.length, 3);
  assert.equal(events[0].vertexes[0].name, 'RUN make');
  assert.equal(Buffer.from(events[1].logs[0].data, 'base64').toString(), 'working\n');
});

test('rawjson tells the place of a warning as BuildKit does', () => {
  const stream = new TextStream();
  const display = createDisplay('rawjson', stream);
  display.sink({
    warnings: [{ level: 1, short: '', range: { file: 'Dockerfile', startLine: 2, endLine: 3 } }],
  });
  assert.deepEqual(JSON.parse(stream.text).warnings, [
    {
      level: 1,
      short: '',
      sourceInfo: { filename: 'Dockerfile' },
      range: [{ start: { line: 2 }, end: { line: 3 } }],
    },
  ]);
});

test('quiet says nothing unless a step fails', () => {
  assert.equal(textOf('quiet', new TextStream()), '');
  const stream = new TextStream();
  run(createDisplay('quiet', stream), new Error('exit code: 1'));
  assert.equal(stream.text, '------\n > RUN make:\n0.250 working\n------\n');
});

test('quiet says nothing of a step that failed where the build went on', () => {
  const stream = new TextStream();
  const display = createDisplay('quiet', stream);
  display.sink(new EventScript().complete('importing cache manifest', 0, 1, { error: 'not found' }));
  display.close();
  assert.equal(stream.text, '');
});

test('--progress wins over BUILDKIT_PROGRESS, which wins over auto', () => {
  assert.equal(chooseDisplayMode(undefined, {}), 'auto');
  assert.equal(chooseDisplayMode(undefined, { BUILDKIT_PROGRESS: 'plain' }), 'plain');
  assert.equal(chooseDisplayMode('rawjson', { BUILDKIT_PROGRESS: 'plain' }), 'rawjson');
  assert.throws(() => chooseDisplayMode('fancy', {}), /--progress names the unknown progress mode "fancy"/);
  assert.throws(() => chooseDisplayMode(undefined, { BUILDKIT_PROGRESS: 'x' }), /BUILDKIT_PROGRESS/);
});
