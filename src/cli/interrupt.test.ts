import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';

/** Runs a program that says when it is ready, and collects what it prints. */
async function start(body: string): Promise<{ child: ChildProcess; output: () => string }> {
  const module = new URL('interrupt.ts', import.meta.url).href;
  const program = `
    const { watchInterrupts } = await import('${module}');
    const interrupt = watchInterrupts();
    ${body}
    setInterval(() => {}, 1000);
    console.log('ready');`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  child.stdout!.on('data', chunk => {
    output += chunk;
  });
  while (!output.includes('ready')) await once(child.stdout!, 'data');
  return { child, output: () => output };
}

const orderly = `interrupt.signal.addEventListener('abort', () => {
  console.log('stopping');
  process.exit(interrupt.exitCode);
});`;

for (const [name, code] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
  ['SIGHUP', 129],
] as const) {
  test(`${name} lets the command stop in good order, and the exit code tells of it`, async () => {
    const { child, output } = await start(orderly);
    child.kill(name);
    assert.deepEqual(await once(child, 'exit'), [code, null]);
    assert.match(output(), /stopping/);
  });
}

test('a command that does not stop is ended all the same', async () => {
  const { child } = await start('');
  child.kill('SIGINT');
  assert.deepEqual(await once(child, 'exit'), [130, null]);
});

test('a second signal ends the process at once', async () => {
  const { child, output } = await start(
    "interrupt.signal.addEventListener('abort', () => console.log('aborted'));",
  );
  child.kill('SIGINT');
  while (!output().includes('aborted')) await once(child.stdout!, 'data');
  child.kill('SIGINT');
  assert.deepEqual(await once(child, 'exit'), [130, null]);
});

test('a container gets the first signal; the second one stops it', async () => {
  const { child, output } = await start(
    `interrupt.onSignal(name => console.log('passed', name), 60_000);${orderly}`,
  );
  child.kill('SIGTERM');
  while (!output().includes('passed')) await once(child.stdout!, 'data');
  assert.equal(child.exitCode, null, 'still running');
  assert.match(output(), /passed SIGTERM/);
  child.kill('SIGINT');
  assert.deepEqual(await once(child, 'exit'), [130, null]);
});

test('a container that ignores its signal is stopped after a while', async () => {
  const { child, output } = await start(
    `interrupt.onSignal(name => console.log('passed', name), 50);${orderly}`,
  );
  child.kill('SIGTERM');
  assert.deepEqual(await once(child, 'exit'), [143, null]);
  assert.match(output(), /passed SIGTERM\nstopping/);
});
