import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EventScript, FakeTerminal } from './testing.ts';
import { TtyDisplay } from './tty.ts';
import type { SolveStatus } from './types.ts';

const options = { color: true, reflows: true };

function open(columns: number, rows: number): { terminal: FakeTerminal; display: TtyDisplay } {
  const terminal = new FakeTerminal(columns, rows);
  return { terminal, display: new TtyDisplay(terminal, options) };
}

/** Timers differ from run to run. */
function withoutTimes(lines: string[]): string[] {
  return lines.map(line => line.replaceAll(/ *\d+\.\d+s/g, '').trimEnd());
}

test('the finished build stands on the terminal: header, steps by stage in order, cached ones marked', async () => {
  const { terminal, display } = open(60, 24);
  const script = new EventScript();
  display.sink(script.announce('[a 1/2] FROM debian', '[a 2/2] RUN make', '[b 1/1] FROM scratch'));
  display.sink(script.complete('[a 1/2] FROM debian', 0, 0, { cached: true }));
  display.sink(script.complete('[b 1/1] FROM scratch', 0, 0.01));
  display.sink(script.start('[a 2/2] RUN make', 0));
  display.sink(script.complete('[a 2/2] RUN make', 0, 0.02));
  display.close();
  assert.deepEqual(withoutTimes(await terminal.lines()), [
    '[+] Building (3/3) FINISHED',
    ' => CACHED [a 1/2] FROM debian',
    ' => [a 2/2] RUN make',
    ' => [b 1/1] FROM scratch',
  ]);
});

test('timers stand at the right edge at any width, and no line is wider than the terminal', async () => {
  for (const width of [20, 33, 80, 200]) {
    const { terminal, display } = open(width, 24);
    const script = new EventScript();
    const name = '[builder 2/5] RUN echo 日本語のとても長い文字列 👩‍👩‍👧‍👦 é́ and a good deal more';
    display.sink(script.complete('[builder 1/5] FROM base', 0, 1));
    display.sink(script.complete(name, 1, 2));
    display.close();
    const lines = await terminal.lines();
    assert.equal(lines.length, 4, `width ${width}: ${lines.join('|')}`);
    assert.match(lines[1]!, / 1\.0s$/, `width ${width}`);
  }
});

test('the last output lines of a running step stand below it, as a terminal would show them', async t => {
  t.mock.timers.enable({ apis: ['setTimeout', 'Date'], now: 1_000_000 });
  const { terminal, display } = open(60, 24);
  const script = new EventScript();
  display.sink(script.start('RUN make', 0));
  const lines = Array.from({ length: 9 }, (_, i) => `line ${i}\n`).join('');
  display.sink(script.output('RUN make', 0, `${lines}\u001b[2K\u001b[31mred\u001b[0m\t!\n10%\r20%\r`));
  t.mock.timers.tick(1000);
  t.mock.timers.reset();
  const screen = await terminal.lines();
  display.close();
  assert.deepEqual(screen, [
    '[+] Building 1.0s (0/1)',
    ` => RUN make${' '.repeat(44)}1.0s`,
    ...[5, 6, 7, 8].map(i => ` => => # line ${i}`),
    ' => => # red    !',
    ' => => # 20%',
  ]);
});

test('progress of a measure shows bytes and share', async t => {
  t.mock.timers.enable({ apis: ['setTimeout', 'Date'], now: 1_000_000 });
  const { terminal, display } = open(80, 24);
  const script = new EventScript();
  display.sink(script.start('exporting to image', 0));
  display.sink(script.measure('exporting to image', 'layer', 0, { current: 25e6, total: 100e6 }));
  t.mock.timers.tick(500);
  t.mock.timers.reset();
  const screen = await terminal.lines();
  display.close();
  assert.match(screen[2]!, /^ => => layer +25\.00MB \/ 100\.00MB 25% +0\.5s$/);
});

test('on a low terminal completed stages shrink to one line, and what runs stays visible', async t => {
  t.mock.timers.enable({ apis: ['setTimeout', 'Date'], now: 1_000_000 });
  const { terminal, display } = open(60, 10);
  const script = new EventScript();
  for (const stage of ['deps', 'builder']) {
    for (let i = 1; i <= 8; i++)
      display.sink(script.complete(`[${stage} ${i}/8] RUN ${i}`, 0, 0, { cached: true }));
  }
  display.sink(script.start('[runner 1/1] RUN make', 0));
  display.sink(script.output('[runner 1/1] RUN make', 0, 'hello\n'));
  t.mock.timers.tick(200);
  t.mock.timers.reset();
  const screen = withoutTimes(await terminal.lines());
  display.close();
  assert.deepEqual(screen, [
    '[+] Building (16/17)',
    ' => [deps] 8 steps done, all cached',
    ' => [builder] 8 steps done, all cached',
    ' => [runner 1/1] RUN make',
    ' => => # hello',
  ]);
});

test('frames replace each other: a long build leaves nothing behind, on a full screen and after a resize', async t => {
  t.mock.timers.enable({ apis: ['setTimeout', 'Date'], now: 1_000_000 });
  const { terminal, display } = open(70, 24);
  terminal.write('before\n');
  const script = new EventScript();
  const events: SolveStatus[] = [];
  for (let i = 1; i <= 12; i++) {
    const name = `[builder ${i}/12] RUN a command that is quite long, so that it wraps when it must`;
    events.push(script.start(name, i));
    for (let j = 0; j < 10; j++) events.push(script.output(name, i, `output ${j} ${'.'.repeat(80)}\n`));
    events.push(script.complete(name, i, i + 1));
  }
  for (const [i, event] of events.entries()) {
    display.sink(event);
    t.mock.timers.tick(70);
    if (i === 20) terminal.resize(60, 24);
    if (i === 80) terminal.resize(90, 30);
  }
  display.close();
  t.mock.timers.reset();
  const lines = await terminal.lines();
  assert.equal(lines[0], 'before');
  assert.equal(lines.filter(line => line.startsWith('[+]')).length, 1, lines.join('\n'));
  assert.equal(
    lines.filter(line => line.includes('RUN a command')).length,
    12 + 1,
    'each step, and the summary',
  );
  assert.equal(lines.filter(line => line.includes('output')).length, 0);
});

test('every frame leaves the cursor visible and line wrap on, so that a killed build leaves a sane terminal', () => {
  const { terminal, display } = open(60, 24);
  display.sink(new EventScript().start('a', 0));
  assert.ok(terminal.written.lastIndexOf('\u001b[?25h') > terminal.written.lastIndexOf('\u001b[?25l'));
  assert.ok(terminal.written.lastIndexOf('\u001b[?7h') > terminal.written.lastIndexOf('\u001b[?7l'));
  assert.equal(terminal.watched, true);
  display.close();
  assert.equal(terminal.watched, false, 'nothing listens to the terminal after close');
});

test('a burst of events is drawn at most about 17 times a second', t => {
  t.mock.timers.enable({ apis: ['setTimeout', 'Date'], now: 1_000_000 });
  const { terminal, display } = open(60, 24);
  const script = new EventScript();
  display.sink(script.start('a', 0));
  for (let i = 0; i < 1000; i++) {
    display.sink(script.output('a', 0, `line ${i}\n`));
    t.mock.timers.tick(1);
  }
  const frames = terminal.written.split('\u001b[?25l').length - 1;
  display.close();
  assert.ok(frames <= 18, `${frames} frames in a second`);
  assert.ok(frames >= 10, `${frames} frames in a second`);
});

test('after a failure the last output of the failed step follows the steps', async () => {
  const { terminal, display } = open(60, 24);
  const script = new EventScript();
  display.sink(script.start('[2/2] RUN false', 0));
  display.sink(script.output('[2/2] RUN false', 0.5, 'sorry\n'));
  display.sink(script.complete('[2/2] RUN false', 0, 1, { error: 'exit code: 1' }));
  display.close(new Error('exit code: 1'));
  assert.deepEqual(withoutTimes(await terminal.lines()), [
    '[+] Building (1/1) FAILED',
    ' => ERROR [2/2] RUN false',
    '------',
    ' > [2/2] RUN false:',
    '0.500 sorry',
    '------',
  ]);
});

test('NO_COLOR keeps the display but not its colours', () => {
  const terminal = new FakeTerminal(60, 24);
  const display = new TtyDisplay(terminal, { color: false, reflows: true });
  display.sink(new EventScript().complete('a', 0, 1));
  display.close();
  // biome-ignore lint/suspicious/noControlCharactersInRegex: looks for escape sequences.
  assert.doesNotMatch(terminal.written, /\u001b\[[0-9;]*m/);
});

test('a display that is discarded leaves the terminal as it found it', async () => {
  const { terminal, display } = open(60, 24);
  terminal.write('before\n');
  display.sink(new EventScript().start('a', 0));
  display.discard();
  terminal.write('after\n');
  assert.deepEqual(await terminal.lines(), ['before', 'after']);
  assert.equal(terminal.watched, false);
});
