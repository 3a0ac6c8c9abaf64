import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chownSync, readFileSync, renameSync } from 'node:fs';
import { createServer } from 'node:net';
import { suite, test } from 'node:test';
import { busyboxStage, withBusybox } from './support/busybox.ts';
import { Everyone } from './support/everyone.ts';
import { hostPrograms } from './support/host-programs.ts';
import { needs } from './support/needs.ts';
import { run, tool } from './support/program.ts';
import { startSshServer } from './support/ssh-server.ts';
import { needsUsers } from './support/users.ts';
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
    assert.match(message, /needs the SSH agent 'default'[\s\S]*--ssh default/);
    assert.equal(code, 1);
  });

  test('says so when the agent is gone, or what is named is none, at the line that needs it', async () => {
    const gone = work.path('gone');
    const server = createServer();
    await new Promise<void>(listening => server.listen(gone, listening));
    // Under another name it stays when the agent goes, as that of one that was killed does.
    renameSync(gone, `${gone}-killed`);
    await new Promise(closed => server.close(closed));
    for (const [flag, reason] of [
      [`default=${gone}-killed`, /has no agent behind it any more/],
      [`default=${gone}`, /gone of the SSH agent 'default' does not exist/],
      ['default=/etc/passwd', /\/etc\/passwd is neither a private key nor the socket/],
      ['default', /SSH_AUTH_SOCK is not set/],
    ] as const) {
      const { code, stderr } = await work.stagecraft(['build', '--no-cache', `--ssh=${flag}`, context]);
      assert.equal(code, 1);
      assert.match(stderr, reason);
      assert.match(stderr, /Dockerfile:5\n(?:.*\n)*.*>>> RUN --mount=type=ssh,required/);
    }
  });

  test('that is not required is not there, and neither is its variable\u2019s socket', async () => {
    const { log } = await work.build(
      withBusybox('FROM busybox\nRUN --mount=type=ssh ls /run; [ -e "$SSH_AUTH_SOCK" ] || echo no agent\n'),
    );
    assert.match(log, /no agent/);
  });
});

const skip =
  needsUsers || needs('busybox', 'ssh', 'ssh-add', 'ssh-agent', 'ssh-keygen', 'sshd', 'git', 'ldd', 'script');

suite('the agent of a step', { skip }, () => {
  const everyone = new Everyone(skip);
  const { root, one } = everyone;
  const key = root.path('id_ed25519');
  const locked = root.path('id_rsa');
  const passphrase = 'open sesame';
  let server: ReturnType<typeof startSshServer> | undefined;

  async function setUp(): ReturnType<typeof startSshServer> {
    await tool('ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-C', 'someone@somewhere', '-f', key);
    await tool('ssh-keygen', '-q', '-t', 'rsa', '-b', '2048', '-N', passphrase, '-f', locked);
    const repository = root.path('repository.git');
    const tree = root.context({ file: 'from the repository\n' });
    const git = (...args: string[]) =>
      tool('git', '-c', 'user.name=a', '-c', 'user.email=a@b', '-C', tree, ...args);
    await git('init', '-q');
    await git('add', '.');
    await git('commit', '-qm', 'one');
    await git('clone', '-q', '--bare', tree, repository);
    return startSshServer(
      root,
      [key, locked].map(path => readFileSync(`${path}.pub`, 'utf8').trim()),
    );
  }

  /** A build that logs in and clones, as a user of the image's own; its context. */
  async function contextFor(work: Workspace): Promise<string> {
    server ??= setUp();
    const { port, knownHost } = await server;
    const ssh = `ssh -o StrictHostKeyChecking=yes -o UserKnownHostsFile=/etc/known -p ${port}`;
    // Where there is only one id, nobody but root exists.
    const owner = work === one ? 'uid=0' : 'uid=1000,gid=1000,mode=0600';
    const context = work.context({
      Dockerfile: `${busyboxStage}FROM busybox AS tools
COPY host /
COPY known /etc/known
RUN mkdir -p /tmp /etc /home/app && chmod 1777 /tmp && chown 1000:1000 /home/app && \\
    printf 'root:x:0:0::/root:/bin/sh\\napp:x:1000:1000::/home/app:/bin/sh\\n' >/etc/passwd
RUN [ -z "$SSH_AUTH_SOCK" ]
FROM tools AS work
USER app
WORKDIR /home/app
RUN --mount=type=ssh,${owner} ssh-add -l && stat -c 'socket %a %u' $SSH_AUTH_SOCK && echo $SSH_AUTH_SOCK && \\
    ${ssh} root@127.0.0.1 echo logged in as '$USER'
RUN --mount=type=ssh,required,target=/tmp/agent,${owner} GIT_SSH_COMMAND="${ssh}" \\
    git clone -q ssh://root@127.0.0.1:${port}${root.path('repository.git')} /tmp/cloned && cat /tmp/cloned/file
RUN if ls -A /run/buildkit /tmp/agent 2>/dev/null; then exit 1; fi
`,
      busybox: readFileSync('/bin/busybox'),
      known: `${knownHost}\n`,
      ...hostPrograms('host', ['ssh', 'ssh-add', 'git']),
    });
    return context;
  }

  /** A copy that the user can read. */
  function keyOf(work: Workspace, from = key): string {
    const copy = work.path('key');
    work.write(work.directory, { key: { content: readFileSync(from), mode: 0o600 } });
    if (work.user !== undefined) chownSync(copy, work.user.uid, work.user.gid);
    return copy;
  }

  for (const { who, work, rung, skip: unreachable } of everyone.places) {
    test(`has the keys of --ssh default=KEYFILE: ${who}`, {
      skip: unreachable,
    }, async () => {
      const env = { STAGECRAFT_SANDBOX: rung };
      const context = await contextFor(work);
      const flags = ['--no-cache-filter=work', `--ssh=default=${keyOf(work)}`];
      const { log } = await work.build(context, flags, { env });
      assert.match(log, /^256 SHA256:\S+ .*\(ED25519\)$/m);
      assert.doesNotMatch(log, /someone@somewhere/);
      assert.match(log, work === one ? /^socket 600 0$/m : /^socket 600 1000$/m);
      assert.match(log, /^\/run\/buildkit\/ssh_agent\.0$/m);
      assert.match(log, /^logged in as root$/m);
      assert.match(log, /^from the repository$/m);
    });
  }

  test('is one that runs, but cannot be changed', async () => {
    const socket = root.path('agent.socket');
    const agent = execFileSync('ssh-agent', ['-a', socket], { encoding: 'utf8' });
    const pid = Number(/SSH_AGENT_PID=(\d+)/.exec(agent)![1]);
    try {
      const context = await contextFor(root);
      const env = { SSH_AUTH_SOCK: socket };
      await run(['ssh-add', '-q', key], { env });
      const { log } = await root.build(context, ['--no-cache-filter=work', '--ssh=default'], { env });
      assert.match(log, /^logged in as root$/m);
      const change = { Dockerfile: 'FROM tools\nRUN --mount=type=ssh,uid=1000 ssh-add -D\n' };
      await root.build(context, ['--target=tools', '-t', 'tools', '--ssh=default'], { env });
      assert.equal((await root.tryBuild(change, ['--ssh=default'], { env })).code, 1);
      assert.match((await run(['ssh-add', '-l'], { env })).stdout, /ED25519/);
      await root.build(change, [`--ssh=default=${socket},raw=true`], { env });
      assert.match((await run(['ssh-add', '-l'], { env })).stdout, /no identities/);
    } finally {
      process.kill(pid);
    }
  });

  for (const { who, work, skip: unreachable } of everyone.builders)
    test(`asks for the passphrase of a key on the terminal, and nowhere else: ${who}`, {
      skip: unreachable,
    }, async () => {
      const context = await contextFor(work);
      const args = ['build', '--no-cache-filter=work', `--ssh=default=${keyOf(work, locked)}`, context];
      const without = await work.stagecraft(args, { through: ['setsid', '--wait'] });
      assert.equal(without.code, 1);
      assert.match(without.stderr, /key has a passphrase, and there is no terminal to ask for it/);
      const through = ['setsid', '--wait', 'sh', '-c', 'exec script -qec "$*" /dev/null', 'sh'];
      const typed = await work.stagecraft(args, { through, input: `${passphrase}x\b\r` });
      assert.match(typed.stdout, /Enter passphrase for .*key: /);
      assert.match(typed.stdout, /FINISHED/);
      const wrong = await work.stagecraft(args, { through, input: 'close sesame\r' });
      assert.match(wrong.stdout, /The passphrase for the private key .*key is wrong/);
      const asking = work.start(args, { through, input: 'wait' });
      let shown = '';
      asking.child.stdout!.on('data', text => {
        shown += text;
        // Ctrl-C, once it asks: the terminal passes it on as it is.
        if (shown.includes('Enter passphrase')) asking.child.stdin!.end('\x03');
      });
      const stopped = await asking.outcome;
      assert.equal(stopped.code, 130, stopped.stdout);
    });
});
