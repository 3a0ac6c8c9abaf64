import assert from 'node:assert/strict';
import { execFile, execFileSync, spawnSync } from 'node:child_process';
import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createConnection, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, suite, test } from 'node:test';
import { promisify } from 'node:util';
import { StagecraftError } from '../util/errors.ts';
import { fc } from '../util/property.ts';
import { type ServeConnection, serveAgent, serveKeys, serveRaw } from './agent.ts';
import { identityOf } from './identity.ts';
import { readPrivateKey } from './private-key.ts';
import { integer, WireReader } from './wire.ts';

const run = promisify(execFile);
const directory = mkdtempSync(join(tmpdir(), 'stagecraft-ssh-'));
after(() => rmSync(directory, { recursive: true }));
const skip = spawnSync('ssh-keygen', ['-?']).error !== undefined && 'needs openssh-client';
const passphrase = 'open sesame \u00e9';
const asked = async (): Promise<string> => passphrase;

/** Makes a key file, and returns its path. */
function keygen(name: string, ...options: string[]): string {
  const path = join(directory, name);
  execFileSync('ssh-keygen', ['-q', '-f', path, '-C', 'someone@somewhere', ...options]);
  return path;
}

/** Listens at a new socket while `body` runs. */
async function listening<T>(serve: ServeConnection, body: (path: string) => Promise<T>): Promise<T> {
  const path = join(directory, `agent-${count++}`);
  const server: Server = createServer({ allowHalfOpen: true }, serve);
  await new Promise<void>(resolve => server.listen(path, resolve));
  try {
    return await body(path);
  } finally {
    server.close();
  }
}
let count = 0;

const kinds: readonly [string, ...string[]][] = [
  ['ed25519', '-t', 'ed25519'],
  ['rsa', '-t', 'rsa', '-b', '2048'],
  ['ecdsa256', '-t', 'ecdsa', '-b', '256'],
  ['ecdsa384', '-t', 'ecdsa', '-b', '384'],
  ['ecdsa521', '-t', 'ecdsa', '-b', '521'],
];
const ciphers = ['aes256-ctr', 'aes128-cbc', '3des-cbc', 'aes256-gcm@openssh.com'];

suite('key files', { skip }, () => {
  const publicOf = (path: string): string => readFileSync(`${path}.pub`, 'latin1').split(' ')[1]!;
  const readAs = async (path: string, ask = asked): Promise<string> =>
    identityOf(await readPrivateKey(readFileSync(path), path, ask)).publicKey.toString('base64');

  for (const [name, ...options] of kinds) {
    test(`${name}, as OpenSSH writes them, with a passphrase and without`, async () => {
      const bare = keygen(name, '-N', '', ...options);
      assert.equal(await readAs(bare), publicOf(bare));
      const locked = keygen(`${name}-locked`, '-N', passphrase, ...options);
      assert.equal(await readAs(locked), publicOf(locked));
    });

    // Of this kind OpenSSH writes none.
    if (name === 'ed25519') continue;
    test(`${name} in PKCS#8 and the older formats`, async () => {
      for (const format of ['PKCS8', 'PEM'])
        for (const secret of ['', passphrase]) {
          const path = keygen(`${name}-${format}-${secret.length}`, '-m', format, '-N', secret, ...options);
          assert.equal(await readAs(path), publicOf(path), `${format} with "${secret}"`);
        }
    });
  }

  test('ed25519 in PKCS#8', async () => {
    const { privateKey } = generateKeyPairSync('ed25519');
    const { x } = createPublicKey(privateKey).export({ format: 'jwk' });
    const cipher = { cipher: 'aes-256-cbc', passphrase };
    for (const more of [{}, cipher]) {
      const pem = privateKey.export({ type: 'pkcs8', format: 'pem', ...more });
      const key = identityOf(await readPrivateKey(Buffer.from(String(pem)), 'file', asked));
      assert.equal(key.publicKey.subarray(-32).toString('base64url'), x);
    }
  });

  test('of every cipher that OpenSSH has for them', async () => {
    for (const cipher of ciphers) {
      const path = keygen(`cipher-${cipher}`, '-t', 'ed25519', '-N', passphrase, '-Z', cipher);
      assert.equal(await readAs(path), publicOf(path), cipher);
    }
  });

  test('that cannot be used are told why', async () => {
    const locked = keygen('locked', '-t', 'ed25519', '-N', passphrase);
    const old = keygen('locked-old', '-t', 'rsa', '-m', 'PEM', '-N', passphrase);
    for (const path of [locked, old]) {
      await assert.rejects(
        readAs(path, async () => 'wrong'),
        /passphrase for the private key .* is wrong/,
      );
      await assert.rejects(
        readPrivateKey(readFileSync(path), path, async () => undefined),
        /has a passphrase, and there is no terminal/,
      );
    }
    await assert.rejects(readAs(`${locked}.pub`), /is a public key/);
    for (const [text, reason] of [
      ['PuTTY-User-Key-File-3: ssh-ed25519', /PuTTY/],
      ['', /neither a private key/],
      ['-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n', /cannot be read: its end is missing/],
      ['-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n', /cannot be read/],
      [
        `${readFileSync(locked, 'latin1').slice(0, 200)}\n-----END OPENSSH PRIVATE KEY-----`,
        /cannot be read|wrong/,
      ],
    ] as const)
      await assert.rejects(readPrivateKey(Buffer.from(text), 'file', asked), reason, text);
  });
});

test('a damaged key file is an error that says so, whatever is wrong with it', async () => {
  const pem = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
  const texts = [
    String(pem.export({ type: 'pkcs8', format: 'pem' })),
    String(pem.export({ type: 'sec1', format: 'pem' })),
    ...(skip ? [] : [readFileSync(keygen('to-damage', '-t', 'ed25519', '-N', ''), 'latin1')]),
  ];
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...texts),
      fc.double({ min: 0, max: 1, noNaN: true }),
      fc.uint8Array({ maxLength: 4 }),
      async (text, where, bytes) => {
        const bytesBefore = Buffer.from(text);
        const at = Math.floor(where * bytesBefore.length);
        const damaged = Buffer.concat([
          bytesBefore.subarray(0, at),
          bytes,
          bytesBefore.subarray(at + bytes.length),
        ]);
        const failed = await readPrivateKey(damaged, 'file', async () => undefined).then(
          () => undefined,
          (error: unknown) => error,
        );
        assert.ok(failed === undefined || failed instanceof StagecraftError, String(failed));
      },
    ),
    { numRuns: 300 },
  );
});

suite('an agent with keys', { skip }, () => {
  /** Has OpenSSH sign with the agent and verify what came. */
  async function sign(agent: string, path: string): Promise<void> {
    const message = join(directory, 'message');
    writeFileSync(message, 'to be signed');
    rmSync(`${message}.sig`, { force: true });
    const env = { ...process.env, SSH_AUTH_SOCK: agent };
    await run('ssh-keygen', ['-Y', 'sign', '-f', `${path}.pub`, '-n', 'file', message], { env });
    const checked = spawnSync(
      'ssh-keygen',
      ['-Y', 'check-novalidate', '-n', 'file', '-s', `${message}.sig`],
      { input: 'to be signed', encoding: 'utf8' },
    );
    assert.match(checked.stdout, /^Good "file" signature/);
  }

  test('lists them and signs with each', async () => {
    const paths = kinds.map(([name, ...options]) => keygen(`agent-${name}`, '-N', '', ...options));
    const keys = await Promise.all(paths.map(path => readPrivateKey(readFileSync(path), path, asked)));
    await listening(serveKeys(keys.map(identityOf)), async socket => {
      const { stdout } = await run('ssh-add', ['-L'], { env: { ...process.env, SSH_AUTH_SOCK: socket } });
      const listed = stdout
        .trim()
        .split('\n')
        .map(line => line.trim());
      assert.deepEqual(
        listed,
        paths.map(path => readFileSync(`${path}.pub`, 'latin1').split(' ').slice(0, 2).join(' ')),
      );
      for (const path of paths) await sign(socket, path);
    });
  });

  test('passed on, it signs, but cannot be changed; raw it can', async () => {
    const path = keygen('passed-on', '-t', 'ed25519', '-N', '');
    const socket = join(directory, 'real');
    const agent = execFileSync('ssh-agent', ['-a', socket], { encoding: 'utf8' });
    const pid = Number(/SSH_AGENT_PID=(\d+)/.exec(agent)![1]);
    try {
      const at = (place: string) => ({ env: { ...process.env, SSH_AUTH_SOCK: place } });
      await run('ssh-add', ['-q', path], at(socket));
      await listening(serveAgent(socket), async through => {
        await sign(through, path);
        for (const change of [['-D'], ['-q', path], ['-d', path]])
          await assert.rejects(run('ssh-add', change, at(through)), change.join(' '));
        assert.match((await run('ssh-add', ['-l'], at(through))).stdout, /ED25519/);
      });
      await listening(serveRaw(socket), async through => {
        await sign(through, path);
        await run('ssh-add', ['-D'], at(through));
        const { stdout } = await run('ssh-add', ['-l'], at(through)).catch(error => error);
        assert.match(stdout, /no identities/);
      });
    } finally {
      process.kill(pid);
    }
  });

  test('hangs up on nonsense, and on nobody else', async () => {
    const key = identityOf(generateKeyPairSync('ed25519').privateKey);
    await listening(serveKeys([key]), async socket => {
      const say = (bytes: Uint8Array): Promise<Buffer> =>
        new Promise<Buffer>(resolve => {
          const parts: Uint8Array[] = [];
          const connection = createConnection({ path: socket, allowHalfOpen: true });
          connection.on('data', part => parts.push(Buffer.from(part))).on('error', () => {});
          connection.once('close', () => resolve(Buffer.concat(parts)));
          connection.end(bytes);
        });
      await fc.assert(
        fc.asyncProperty(fc.uint8Array({ maxLength: 64 }), async bytes => void (await say(bytes))),
        { numRuns: 50 },
      );
      assert.equal((await say(Buffer.from([0xff, 0xff, 0xff, 0xff, 11]))).length, 0);
      const list = await say(Buffer.from([0, 0, 0, 1, 11]));
      assert.equal(list[4], 12);
    });
  });
});

test('numbers are written as short as they can be, and never look negative', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), bytes => {
      const written = new WireReader(integer(bytes)).bytes();
      assert.equal(
        BigInt(`0x0${written.toString('hex')}`),
        BigInt(`0x0${Buffer.from(bytes).toString('hex')}`),
      );
      assert.ok(written.length === 0 || written[0]! < 0x80);
      assert.ok(written.length < 2 || written[0] !== 0 || written[1]! >= 0x80);
    }),
  );
});
