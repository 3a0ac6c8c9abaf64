import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';

const program = fileURLToPath(new URL('main.ts', import.meta.url));
const busybox = '/bin/busybox';
const skip = !existsSync(busybox) && `${busybox} is not there: Debian's package busybox-static has it`;

const directory = mkdtempSync(join(tmpdir(), 'stagecraft-run-'));
const root = join(directory, 'store');
const env = {
  ...process.env,
  STAGECRAFT_ROOT: root,
  XDG_CACHE_HOME: join(directory, 'cache'),
  GIVEN: 'from outside',
};

function stagecraft(words: string[], options: { input?: string; cwd?: string } = {}) {
  return spawnSync(process.execPath, [program, ...words], { encoding: 'utf8', env, ...options });
}

function start(...words: string[]): {
  child: ChildProcess;
  exit: Promise<unknown[]>;
  seen(text: string): Promise<void>;
} {
  const child = spawn(process.execPath, [program, ...words], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  const heard = (chunk: Buffer): void => {
    output += chunk;
  };
  child.stdout!.on('data', heard);
  child.stderr!.on('data', heard);
  return {
    child,
    exit: once(child, 'exit'),
    async seen(text) {
      while (!output.includes(text)) {
        const isOver = child.exitCode !== null;
        await new Promise(resolve => setTimeout(resolve, 20));
        assert.ok(!isOver || output.includes(text), `ended without "${text}": ${output}`);
      }
    },
  };
}

const shell = ['sh', '-c'];

describe('builds and containers from a tiny image', { skip }, () => {
  const context = join(directory, 'context');

  before(() => {
    mkdirSync(context);
    copyFileSync(busybox, join(context, 'busybox'));
    writeFileSync(
      join(context, 'Dockerfile'),
      `FROM scratch
COPY busybox /bin/busybox
RUN ["/bin/busybox", "--install", "-s", "/bin"]
ENV FROM_IMAGE=yes PATH=/bin
WORKDIR /work
CMD ["echo", "the default"]
`,
    );
    const { status, stderr } = stagecraft(['build', '-t', 'tiny', context]);
    assert.equal(status, 0, stderr);
  });

  after(() => {
    // An ordinary user cannot remove files of other users, but the program can.
    stagecraft(['rmi', '--force', ...stagecraft(['images', '-q']).stdout.trim().split('\n')]);
    stagecraft(['prune', '--all', '--force']);
    rmSync(directory, { recursive: true, force: true });
  });

  test('the image says what to run, and where', () => {
    assert.equal(stagecraft(['run', '--rm', 'tiny']).stdout, 'the default\n');
    assert.equal(stagecraft(['run', 'tiny', 'pwd']).stdout, '/work\n');
    assert.equal(stagecraft(['run', '-w', '/bin', 'tiny', 'pwd']).stdout, '/bin\n');
  });

  test('the exit code is that of the process', () => {
    assert.equal(stagecraft(['run', 'tiny', ...shell, 'exit 7']).status, 7);
    assert.equal(stagecraft(['run', 'tiny', 'false']).status, 1);
  });

  test('a command that does not exist is 127, a mistake in the command line 125', () => {
    assert.equal(stagecraft(['run', 'tiny', 'nosuch']).status, 127);
    assert.equal(stagecraft(['run', '--nosuch', 'tiny']).status, 125);
    assert.equal(stagecraft(['run', 'nosuchimage']).status, 125);
  });

  test('variables come from the image, flags, a file, and the environment', () => {
    const file = join(directory, 'env');
    writeFileSync(file, 'A=file\nB=file\n');
    const { stdout } = stagecraft(['run', '--env-file', file, '-e', 'A=flag', '-e', 'GIVEN', 'tiny', 'env']);
    for (const line of ['FROM_IMAGE=yes', 'A=flag', 'B=file', 'GIVEN=from outside'])
      assert.ok(stdout.split('\n').includes(line), `${line} in ${stdout}`);
  });

  test('the entrypoint can be replaced', () => {
    assert.equal(stagecraft(['run', '--entrypoint', 'echo', 'tiny', 'a', '-n']).stdout, 'a -n\n');
  });

  test('standard input is given with -i only; output and errors stay apart', () => {
    assert.equal(stagecraft(['run', '-i', 'tiny', 'cat'], { input: 'hello' }).stdout, 'hello');
    assert.equal(stagecraft(['run', 'tiny', 'cat'], { input: 'hello' }).stdout, '');
    const { stdout, stderr } = stagecraft(['run', 'tiny', ...shell, 'echo out; echo err >&2']);
    assert.deepEqual([stdout, stderr], ['out\n', 'err\n']);
  });

  test('--tty without a terminal is an error', () => {
    assert.match(stagecraft(['run', '-t', 'tiny']).stderr, /There is no terminal/);
  });

  test('volumes are mounted, read-only where asked', () => {
    const shared = join(directory, 'shared');
    mkdirSync(shared);
    assert.equal(
      stagecraft(['run', '-v', `${shared}:/shared`, 'tiny', ...shell, 'echo x > /shared/file']).status,
      0,
    );
    assert.equal(readFileSync(join(shared, 'file'), 'utf8'), 'x\n');
    assert.equal(
      stagecraft(['run', '-v', './shared:/s:ro', 'tiny', 'rm', '/s/file'], { cwd: directory }).status,
      1,
    );
    assert.ok(existsSync(join(shared, 'file')));
  });

  test('nothing of a container is left', () => {
    assert.equal(stagecraft(['run', 'tiny', ...shell, 'echo x > /file']).status, 0);
    assert.equal(stagecraft(['run', 'tiny', 'ls', '/file']).status, 1);
    assert.deepEqual(readdirSync(join(root, 'ingest')), []);
  });

  test('without a network there is only the loopback', () => {
    const { stdout } = stagecraft(['run', '--network', 'none', 'tiny', 'ls', '/sys/class/net']);
    assert.equal(stdout.trim(), 'lo');
  });

  test('a published port leads to the service', async t => {
    const [inner, outer] = [await freePort(), await freePort()];
    const service = start(
      'run',
      '-p',
      `${outer}:${inner}`,
      'tiny',
      ...shell,
      `echo up; while nc -l -p ${inner} -e echo hi; do :; done`,
    );
    t.after(() => service.child.kill('SIGKILL'));
    await service.seen('up');
    const ask = async (): Promise<string> => {
      let answer = '';
      const socket = connect(outer, '127.0.0.1');
      socket.on('data', chunk => {
        answer += chunk;
      });
      socket.on('error', () => {});
      await new Promise(resolve => socket.on('close', resolve));
      return answer;
    };
    let answer = '';
    // It says "up" a moment before it listens.
    for (let tries = 0; answer === '' && tries < 500; tries++) {
      answer = await ask();
      if (answer === '') await new Promise(resolve => setTimeout(resolve, 20));
    }
    assert.equal(answer, 'hi\n');
  });

  test('signals are passed on, and the process may take its time', async () => {
    const trap = 'trap "echo caught; exit 9" TERM; echo up; while :; do sleep 0.1; done';
    const { child, exit, seen } = start('run', 'tiny', ...shell, trap);
    await seen('up');
    child.kill('SIGTERM');
    await seen('caught');
    assert.deepEqual(await exit, [9, null]);
  });

  test('a process that does not listen is ended by the second signal', async () => {
    const { child, exit, seen } = start(
      'run',
      'tiny',
      ...shell,
      'trap "" INT TERM; echo up; while :; do sleep 0.1; done',
    );
    await seen('up');
    child.kill('SIGINT');
    child.kill('SIGTERM');
    const [code] = await exit;
    assert.ok([130, 143].includes(code as number), `exit code ${code}`);
  });

  test('a build that is stopped says so, leaves nothing that prune does not take, and the exit code tells', async () => {
    writeFileSync(join(context, 'Slow'), 'FROM tiny\nRUN echo up; sleep 60\n');
    const { child, exit, seen } = start('build', '-t', 'slow', '-f', join(context, 'Slow'), context);
    await seen('up');
    child.kill('SIGINT');
    await seen('Stopped.');
    assert.deepEqual(await exit, [130, null]);
    assert.equal(stagecraft(['images', '-q', 'slow']).stdout, '');
    assert.equal(stagecraft(['prune', '--force']).status, 0);
    assert.deepEqual(readdirSync(join(root, 'ingest')), []);
  });

  test('a build that fails shows the last output, the line of the Dockerfile, and the exit code', () => {
    writeFileSync(join(context, 'Bad'), 'FROM tiny\nRUN echo why; exit 3\nRUN echo never\n');
    const { status, stdout, stderr } = stagecraft(['build', '-f', 'Bad', '.'], { cwd: context });
    assert.equal(status, 1);
    assert.equal(stdout, '');
    assert.match(stderr, /^ > \[2\/3\] RUN echo why; exit 3:\n\d\.\d{3} why\n------\nBad:2\n/m);
    assert.match(stderr, /^ {3}2 \| >>> RUN echo why; exit 3\n/m);
    assert.match(
      stderr,
      /\nERROR: process "\/bin\/sh -c echo why; exit 3" did not complete .*exit code: 3\n$/,
    );
  });

  test('--quiet prints the ID alone, which --iidfile holds too', () => {
    const file = join(directory, 'iid');
    const { stdout, stderr } = stagecraft(['build', '-q', '--iidfile', file, '-t', 'tiny', context]);
    assert.match(stdout, /^sha256:[0-9a-f]{64}\n$/);
    assert.equal(stderr, '');
    assert.equal(readFileSync(file, 'utf8'), stdout.trim());
    assert.equal(stagecraft(['inspect', '-f', '{{.Id}}', 'tiny']).stdout, stdout);
  });

  test('a name that is none is told before anything is built', () => {
    const { status, stderr } = stagecraft(['build', '-t', 'Not A Name', context]);
    assert.equal(status, 1);
    assert.match(stderr, /^ERROR: /);
  });

  test('the graph is written as protobuf or JSON', () => {
    const graph = JSON.parse(stagecraft(['build', '--call=llb,format=json', context]).stdout);
    assert.ok(graph.some((op: { Op: { Op: object } }) => 'exec' in op.Op.Op));
    assert.ok(stagecraft(['build', '--call=llb', context]).stdout.length > 100);
    assert.match(stagecraft(['build', '--call=graph', context]).stderr, /"graph" of --call is unknown/);
  });

  test('an image goes through an archive and back', () => {
    const archive = join(directory, 'tiny.tar');
    assert.equal(stagecraft(['save', '-o', archive, 'tiny']).status, 0);
    const id = stagecraft(['inspect', '-f', '{{.Id}}', 'tiny']).stdout;
    stagecraft(['rmi', 'tiny']);
    assert.equal(stagecraft(['load', '-i', archive]).stdout, 'Loaded image: tiny:latest\n');
    assert.equal(stagecraft(['inspect', '-f', '{{.Id}}', 'tiny']).stdout, id);
  });
});

/** Below the range from which the kernel gives ports to others meanwhile (ip_local_port_range). */
async function freePort(): Promise<number> {
  for (;;) {
    const port = 20_000 + Math.floor(Math.random() * 10_000);
    const server = createServer().listen(port);
    const [outcome] = await Promise.race([
      once(server, 'listening').then(() => ['free']),
      once(server, 'error').then(() => ['taken']),
    ]);
    if (outcome === 'taken') continue;
    await once(server.close(), 'close');
    return port;
  }
}
