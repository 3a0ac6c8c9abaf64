import assert from 'node:assert/strict';
import { mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { lend } from './lent.ts';

suite('the SSH agents that a build lends', () => {
  const directory = mkdtempSync(join(tmpdir(), 'stagecraft-lent-'));
  const socket = join(directory, 'agent');
  const dead = join(directory, 'dead');
  const keyFile = join(directory, 'id_ed25519');
  const server = createServer();

  before(async () => {
    writeFileSync(keyFile, 'private');
    await new Promise<void>(listening => server.listen(socket, listening));
    const gone = createServer();
    await new Promise<void>(listening => gone.listen(dead, listening));
    // Under another name it stays when the agent goes, as that of one that was killed does.
    renameSync(dead, `${dead}-renamed`);
    gone.close();
    symlinkSync(socket, join(directory, 'link'));
  });
  after(() => {
    server.close();
    rmSync(directory, { recursive: true });
  });

  const agent = (paths: string[], env: NodeJS.ProcessEnv = {}, raw = false): Promise<unknown> =>
    lend({ secrets: [], ssh: [{ id: 'default', paths, raw }], env }).sshAgent('default');

  test('are at the socket named, else at that of the environment', async () => {
    assert.equal(typeof (await agent([socket])), 'function');
    assert.equal(typeof (await agent([join(directory, 'link')])), 'function');
    assert.equal(typeof (await agent([], { SSH_AUTH_SOCK: socket })), 'function');
  });

  test('are not lent unless the build was given them', async () => {
    const lent = lend({ secrets: [], ssh: [], env: { SSH_AUTH_SOCK: socket } });
    assert.equal(await lent.sshAgent('default'), undefined);
  });

  test('are what can be an agent, or the build is told', async () => {
    await assert.rejects(agent([keyFile]), /id_ed25519 is neither a private key nor the socket/);
    await assert.rejects(agent([join(directory, 'gone')]), /gone of the SSH agent 'default' does not exist/);
    await assert.rejects(agent([`${dead}-renamed`]), /'default' has no agent behind it any more/);
    await assert.rejects(agent([directory]), /is neither a private key nor the socket/);
    await assert.rejects(agent([]), /SSH_AUTH_SOCK is not set/);
    await assert.rejects(agent([socket, keyFile]), /a socket and something else/);
    await assert.rejects(agent([keyFile], {}, true), /is no socket, as raw=true/);
  });
});
