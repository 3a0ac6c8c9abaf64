import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { suite, test } from 'node:test';
import { withBusybox } from './support/busybox.ts';
import { needs } from './support/needs.ts';
import { Workspace } from './support/workspace.ts';

suite('RUN --mount=type=ssh', { skip: needs('busybox') }, () => {
  const work = new Workspace();
  const context = work.context(
    withBusybox('FROM busybox\nRUN --mount=type=ssh,required test -S "$SSH_AUTH_SOCK" && echo an agent\n'),
  );

  test('without an id is the agent of --ssh default', async () => {
    const agent = work.path('agent');
    const server = createServer();
    await new Promise<void>(listening => server.listen(agent, listening));
    try {
      const env = { SSH_AUTH_SOCK: agent };
      assert.match((await work.build(context, ['--ssh=default'], { env })).log, /an agent/);
    } finally {
      server.close();
    }
  });

  test('says how to pass an agent that is required', async () => {
    const { code, message } = await work.tryBuild(context, ['--no-cache']);
    assert.match(message, /needs the SSH agent 'default'[\s\S]*--ssh default\./);
    assert.equal(code, 1);
  });
});
