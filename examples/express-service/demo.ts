// Builds the same service in four stages and in one, runs the small one, and shows the difference.
// Everything comes from Debian's packages and the npm registry: no Docker, no container registry.
import { type ChildProcess, spawn } from 'node:child_process';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const project = join(here, '../..');
const stagecraft = join(project, 'bin/stagecraft');

interface Run {
  seconds: number;
  output: string;
}

/** Runs Stagecraft with this terminal, or with its standard output collected. */
function run(args: string[], options: { quiet?: boolean } = {}): Promise<Run> {
  if (!options.quiet)
    console.log(`\n$ npx stagecraft ${args.map(arg => arg.replace(`${project}/`, '')).join(' ')}`);
  const started = performance.now();
  const child = spawn(stagecraft, args, { stdio: ['ignore', options.quiet ? 'pipe' : 'inherit', 'inherit'] });
  let output = '';
  child.stdout?.on('data', chunk => {
    output += chunk;
  });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', code => {
      if (code === 0) resolve({ seconds: (performance.now() - started) / 1000, output });
      // Stagecraft has told why.
      else process.exit(code ?? 1);
    });
  });
}

/** Where a company's proxy inspects TLS, the host names its certificates here; then `npm ci` must trust them too. */
const trust = process.env.NODE_EXTRA_CA_CERTS || process.env.SSL_CERT_FILE ? ['--trust-host-ca'] : [];

function build(name: string, file: string, ...more: string[]): Promise<Run> {
  return run(['build', '-t', name, '-f', join(here, file), ...trust, ...more, here]);
}

interface Row {
  name: string;
  cold: number;
  cached: number;
  bytes: number;
  layers: number;
}

async function measure(name: string, file: string): Promise<Row> {
  const cold = await build(name, file, '--no-cache');
  const cached = await build(name, file);
  const [image] = JSON.parse((await run(['inspect', name], { quiet: true })).output);
  return {
    name,
    cold: cold.seconds,
    cached: cached.seconds,
    bytes: image.Size,
    layers: image.RootFS.Layers.length,
  };
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  server.close();
  return typeof address === 'object' && address !== null ? address.port : 3000;
}

/** Asks until the service answers; ends the container in any case. */
async function askHealth(name: string): Promise<string> {
  const port = await freePort();
  console.log(`\n$ npx stagecraft run --rm -e PORT=${port} ${name}`);
  const container = spawn(stagecraft, ['run', '--rm', '-e', `PORT=${port}`, name], { stdio: 'inherit' });
  try {
    for (let attempt = 0; attempt < 100; attempt++) {
      if (container.exitCode !== null) break;
      try {
        const response = await fetch(`http://127.0.0.1:${port}/health`);
        return `GET /health: ${response.status} ${await response.text()}`;
      } catch {
        await sleep(100);
      }
    }
    throw new Error(`The service in ${name} did not answer.`);
  } finally {
    await stop(container);
  }
}

function stop(container: ChildProcess): Promise<void> {
  if (container.exitCode !== null) return Promise.resolve();
  const ended = new Promise<void>(resolve => container.on('close', () => resolve()));
  container.kill('SIGTERM');
  return ended;
}

function table(rows: Row[]): string {
  const cells = [
    ['IMAGE', 'SIZE', 'LAYERS', 'COLD BUILD', 'CACHED BUILD'],
    ...rows.map(row => [
      row.name,
      `${(row.bytes / 1e6).toFixed(1)} MB`,
      String(row.layers),
      `${row.cold.toFixed(1)} s`,
      `${row.cached.toFixed(2)} s`,
    ]),
  ];
  const widths = cells[0]!.map((_, column) => Math.max(...cells.map(row => row[column]!.length)));
  return cells
    .map(row =>
      row
        .map((cell, column) => cell.padEnd(widths[column]!))
        .join('   ')
        .trimEnd(),
    )
    .join('\n');
}

const started = performance.now();
await run([
  'base',
  '-t',
  'debian:bookworm',
  '--suite',
  'bookworm',
  '--include',
  'ca-certificates,libatomic1,libstdc++6',
]);
await run([
  'base',
  '-t',
  'debian:bookworm-minimal',
  '--suite',
  'bookworm',
  '--minimal',
  '--include',
  'libc6,libatomic1,libstdc++6,ca-certificates',
]);
const nodeImage = ['-f', join(here, '../node/Dockerfile'), join(project, 'node_modules')];
await run(['build', '-t', 'node:26', '--target', 'full', ...nodeImage]);
await run(['build', '-t', 'node:26-minimal', '--target', 'minimal', ...nodeImage]);

const single = await measure('express-service:single', 'Dockerfile.single');
const staged = await measure('express-service:staged', 'Dockerfile');
const answer = await askHealth(staged.name);

console.log(`\n${answer}\n\n${table([single, staged])}`);
console.log(`\nThe four-stage image is ${(single.bytes / staged.bytes).toFixed(1)} times smaller.`);
console.log(`All of it took ${((performance.now() - started) / 1000).toFixed(0)} s.`);
