import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { PlainDisplay } from './plain.ts';
import { EventScript, TextStream } from './testing.ts';
import type { SolveStatus } from './types.ts';

function print(feed: (script: EventScript) => SolveStatus[]): string {
  const stream = new TextStream();
  const display = new PlainDisplay(stream);
  for (const event of feed(new EventScript())) display.sink(event);
  display.close();
  return stream.text;
}

test('a step is printed with its number, stamped output and duration', () => {
  const step = '[builder 2/5] RUN make';
  const text = print(script => [
    script.announce(step),
    script.start(step, 0),
    script.output(step, 0.123, 'compiling\nlinking\n'),
    script.output(step, 12.345, 'slow\n', 2),
    script.output(step, 123.456, 'slower\n'),
    script.complete(step, 0, 125),
  ]);
  assert.equal(
    text,
    [
      '#1 [builder 2/5] RUN make',
      '#1 0.123 compiling',
      '#1 0.123 linking',
      '#1 12.35 slow',
      '#1 123.5 slower',
      '#1 DONE 125.0s',
      '',
    ].join('\n'),
  );
});

test('names and errors of steps do not reach the terminal as commands to it', () => {
  const text = print(script => [
    script.announce('COPY a\u001b]0;title\u0007 /'),
    script.start('COPY a\u001b]0;title\u0007 /', 0),
    script.complete('COPY a\u001b]0;title\u0007 /', 0, 1),
  ]);
  assert.equal(text, '#1 COPY a]0;title /\n#1 DONE 1.0s\n');
});

test('numbers follow the order of printing, with an empty line between steps', () => {
  const text = print(script => [
    script.announce('[1/2] FROM debian', '[2/2] COPY . .', 'exporting to image'),
    script.complete('[1/2] FROM debian', 0, 0, { cached: true }),
    script.complete('[2/2] COPY . .', 0, 1.25),
  ]);
  assert.equal(text, '#1 [1/2] FROM debian\n#1 CACHED\n\n#2 [2/2] COPY . .\n#2 DONE 1.3s\n');
});

test('a failed step ends with its error, and its last ten lines are repeated at the end', () => {
  const step = '[2/2] RUN false';
  const lines = Array.from({ length: 12 }, (_, i) => `line ${i + 1}\n`).join('');
  const error = 'process "/bin/sh -c false" did not complete successfully: exit code: 1';
  const text = print(script => [
    script.start(step, 0),
    script.output(step, 0.5, lines),
    script.complete(step, 0, 1, { error }),
  ]);
  const [printed, repeated] = text.split('------\n > [2/2] RUN false:\n');
  assert.match(printed!, /^#1 0\.500 line 1$/m);
  assert.ok(printed!.endsWith(`#1 0.500 line 12\n#1 ERROR: ${error}\n`));
  const last = Array.from({ length: 10 }, (_, i) => `0.500 line ${i + 3}\n`).join('');
  assert.equal(repeated, `${last}------\n`);
});

test('a step that was stopped because another failed is CANCELED and not repeated', () => {
  const text = print(script => [
    script.start('sleep', 0),
    script.complete('sleep', 0, 1, { error: 'context canceled' }),
  ]);
  assert.equal(text, '#1 sleep\n#1 CANCELED\n');
});

test('the output of one step is not torn by another that runs at the same time', () => {
  const text = print(script => [
    script.start('a', 0),
    script.output('a', 0.1, 'a1\n'),
    script.start('b', 0),
    script.output('b', 0.1, 'b1\n'),
    script.output('a', 0.2, 'a2\n'),
    script.output('b', 0.2, 'b2\n'),
    script.complete('a', 0, 1),
    script.complete('b', 0, 2),
  ]);
  assert.equal(
    text,
    '#1 a\n#1 0.100 a1\n#1 0.200 a2\n#1 DONE 1.0s\n\n#2 b\n#2 0.100 b1\n#2 0.200 b2\n#2 DONE 2.0s\n',
  );
});

test('a step that completes interrupts the one that has the floor', async () => {
  const stream = new TextStream();
  const display = new PlainDisplay(stream);
  const script = new EventScript();
  display.sink(script.start('long', 0));
  display.sink(script.complete('short', 0, 1));
  display.sink(script.output('long', 2, 'still here\n'));
  display.close();
  assert.equal(stream.text, '#1 long\n#1 ...\n\n#2 short\n#2 DONE 1.0s\n\n#1 long\n#1 2.000 still here\n');
});

test('a line that comes in pieces is printed once, as one line', () => {
  const text = print(script => [
    script.start('a', 0),
    script.output('a', 1, 'hel'),
    script.output('a', 2, 'lo\nwor'),
    script.output('a', 3, 'ld'),
    script.complete('a', 0, 4),
  ]);
  assert.equal(text, '#1 a\n#1 1.000 hello\n#1 2.000 world\n#1 DONE 4.0s\n');
});

test('output that is not UTF-8 passes unchanged', () => {
  const chunks: Uint8Array[] = [];
  const display = new PlainDisplay({ write: chunk => chunks.push(Buffer.from(chunk as string)) });
  const script = new EventScript();
  display.sink(script.start('größe', 0));
  display.sink(script.output('größe', 1, Uint8Array.of(0xff, 0xfe, 0x0a)));
  display.close();
  const expected = Buffer.concat([Buffer.from('#1 größe\n#1 1.000 '), Buffer.of(0xff, 0xfe, 0x0a)]);
  assert.deepEqual(Buffer.concat(chunks), expected);
});

test('measures show amounts, time and completion, and only when they moved', t => {
  t.mock.timers.enable({ apis: ['setTimeout', 'Date'], now: 1_000_000 });
  const step = '[internal] load build context';
  const id = 'transferring context:';
  const stream = new TextStream();
  const display = new PlainDisplay(stream);
  const script = new EventScript();
  const amounts = [0, 10_000, 20_000, 80_000, 1_000_000];
  display.sink(script.start(step, 0));
  for (const [i, current] of amounts.entries()) {
    const completed = i === amounts.length - 1;
    display.sink(script.measure(step, id, i / 10, { current, total: 1_000_000, from: 0, completed }));
    t.mock.timers.tick(100);
  }
  display.sink(script.complete(step, 0, 0.5));
  display.close();
  assert.deepEqual(stream.text.split('\n'), [
    `#1 ${step}`,
    `#1 ${id} 0B / 1.00MB`,
    `#1 ${id} 80.00kB / 1.00MB 0.3s`,
    `#1 ${id} 1.00MB / 1.00MB 0.4s done`,
    '#1 DONE 0.5s',
    '',
  ]);
});

test('what is fetched of a cached step while others run is told when it is there', async () => {
  const stream = new TextStream();
  const display = new PlainDisplay(stream);
  const script = new EventScript();
  display.sink(script.complete('[1/2] FROM base', 0, 0, { cached: true }));
  display.sink(script.start('[2/2] RUN make', 0));
  for (let current = 0; current <= 100; current += 10) {
    const completed = current === 100;
    display.sink(
      script.measure('[1/2] FROM base', 'layer', current / 10, { current, total: 100, completed }),
    );
    display.sink(script.output('[2/2] RUN make', current / 10, `${current}\n`));
    await sleep(110);
  }
  display.close();
  assert.equal(stream.text.split('\n').filter(line => line === '#1 [1/2] FROM base').length, 2, stream.text);
  assert.match(stream.text, /^#1 layer 100B \/ 100B done$/m);
});

test('a warning is printed with its step', () => {
  const text = print(script => [
    script.start('a', 0),
    script.warn('a', 'CMD should be JSON'),
    script.complete('a', 0, 1),
  ]);
  assert.match(text, /^#1 WARN: CMD should be JSON$/m);
});

test('an endless line without a break is broken up rather than kept in memory', () => {
  const text = print(script => [
    script.start('a', 0),
    ...Array.from({ length: 10 }, () => script.output('a', 1, 'x'.repeat(50_000))),
    script.complete('a', 0, 2),
  ]);
  assert.equal(text.replaceAll(/[^x]/g, '').length, 500_000);
});

test('a step that was begun, and begun anew when it was found in the cache, is done', () => {
  const text = print(script => [script.start('a', 0), script.complete('a', 0.001, 0.001, { cached: true })]);
  assert.equal(text, '#1 a\n#1 CACHED\n');
});
