import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { lend } from './lent.ts';

suite('the SSH agents that a build lends', () => {
  const directory = mkdtempSync(join(tmpdir(), 'stagecraft-lent-'));
  const socket = join(directory, 'agent');
  const keyFile = join(directory, 'id_ed25519');
  const server = createServer();

  before(async () => {
    writeFileSync(keyFile, 'private');
    await new Promise<void>(listening => server.listen(socket, listening));
  });
  after(() => {
    server.close();
    rmSync(directory, { recursive: true });
  });

  const agent = (paths: string[], env: NodeJS.ProcessEnv = {}): Promise<string | undefined> =>
    lend([], [{ id: 'default', paths }], env).sshSocket('default');

  test('are at the socket named, else at that of the environment', async () => {
    assert.equal(await agent([socket]), socket);
    assert.equal(await agent([], { SSH_AUTH_SOCK: socket }), socket);
  });

  test('are not lent unless the build was given them', async () => {
    assert.equal(await lend([], [], { SSH_AUTH_SOCK: socket }).sshSocket('default'), undefined);
  });

  test('are sockets: a private key is never handed to a step', async () => {
    await assert.rejects(agent([keyFile]), /id_ed25519 of the SSH agent 'default' is no socket of an agent/);
    await assert.rejects(agent([join(directory, 'gone')]), /gone of the SSH agent 'default' does not exist/);
    await assert.rejects(agent([]), /SSH_AUTH_SOCK is not set/);
  });
});
