import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { chownSync, existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { busyboxFile, busyboxStage } from './support/busybox.ts';
import { hostPrograms } from './support/host-programs.ts';
import { needs } from './support/needs.ts';
import { type Outcome, tool } from './support/program.ts';
import { awaitNoRemains } from './support/remains.ts';
import { rungsHere } from './support/rungs.ts';
import { findInText, findTraces } from './support/traces.ts';
import { makeUser, needsUsers, unreachableFor } from './support/users.ts';
import { Workspace } from './support/workspace.ts';

/** Uses both secrets in every way that prints nothing of them, in two stages. */
const dockerfile = `${busyboxStage}FROM busybox AS fetch
RUN --mount=type=secret,id=file,required --mount=type=cache,target=/cache \\
    cmp -s /run/secrets/file /run/secrets/file && wc -c </run/secrets/file >/cache/length && cp /cache/length /length
RUN --mount=type=secret,id=file,target=/root/.npmrc,mode=0440,uid=3,gid=4 stat -c '%a %u:%g' /root/.npmrc >/facts
RUN --mount=type=secret,id=variable,env=TOKEN test -n "$TOKEN" && echo \${#TOKEN} >/env-length
RUN --mount=type=secret,id=variable,env=TOKEN --mount=type=secret,id=file,env=OTHER <<"END"
set -e
test -n "$TOKEN"
test -n "$OTHER"
echo used >/by-heredoc
END
FROM busybox
COPY --from=fetch /length /facts /env-length /by-heredoc /
RUN --mount=type=secret,id=file,dst=/etc/token sh -c 'read line </etc/token; test -n "$line"'
RUN if [ -s /run/secrets/file ] || [ -s /etc/token ] || [ -s /root/.npmrc ] || [ -n "$TOKEN" ]; then exit 1; fi
`;

/** A step that has both secrets and does not end by itself. */
const waiting = `${busyboxStage}FROM busybox
RUN --mount=type=secret,id=file --mount=type=secret,id=variable,env=TOKEN \\
    test -n "$TOKEN" && test -s /run/secrets/file && echo the step runs && sleep 600
`;

suite('secrets leave no trace', { skip: needs('busybox') }, () => {
  const asRoot = process.getuid!() === 0;
  const builders = [
    [asRoot ? 'root' : 'an ordinary user', new Workspace()] as const,
    ...(needsUsers ? [] : [['an ordinary user', new Workspace(makeUser('subordinate'))] as const]),
  ];
  for (const [who, work] of builders)
    suite(`of builds by ${who}`, { skip: work.user !== undefined && unreachableFor(work.user) }, () => {
      const began = Date.now();
      // New ones each time: what is found is of this run. The line's end is part of a file's value.
      const [inFile, inVariable] = [`file-${word()}`, `variable-${word()}`];
      const place = new Workspace(work.user);
      const file = place.path('secret');
      writeFileSync(file, `${inFile}\n`, { mode: 0o600 });
      if (work.user !== undefined) chownSync(file, work.user.uid, work.user.gid);
      const secrets = ['--secret', `id=file,src=${file}`, '--secret', 'id=variable,env=THE_TOKEN'];
      const env = { THE_TOKEN: inVariable };
      const files = { Dockerfile: dockerfile, busybox: busyboxFile };

      const assertNoTrace = (outcome?: Outcome): void => {
        for (const value of [inFile, inVariable]) {
          if (outcome !== undefined)
            assert.deepEqual(findInText(value, `${outcome.stdout}${outcome.stderr}`), []);
          assert.deepEqual(
            [...findTraces(value, [work.directory]), ...findTraces(value, temporaryFiles(began), began)],
            [],
          );
        }
      };

      test('in the store, its images and history, whatever the build shows', async () => {
        const context = work.context(files);
        for (const mode of ['plain', 'rawjson', 'tty', 'quiet']) {
          const args = [
            'build',
            '--no-cache',
            `--progress=${mode}`,
            '-t',
            `app:${mode}`,
            ...secrets,
            context,
          ];
          const outcome = await work.stagecraft(args, { env: { ...env, STAGECRAFT_DEBUG: '1' } });
          assert.equal(outcome.code, 0, outcome.stderr);
          assertNoTrace(outcome);
        }
        for (const args of [['inspect', 'app:plain'], ['history', '--no-trunc', 'app:plain'], ['images']])
          assertNoTrace(await work.stagecraft(args));
      });

      test('in what is written for others, in every form', async () => {
        const context = work.context(files);
        const outputs = [
          ...['oci', 'docker', 'tar'].map(type => `type=${type},dest=${work.path(`app.${type}`)}`),
          ...['gzip', 'zstd', 'uncompressed'].map(
            compression => `type=oci,tar=false,dest=${work.path(compression)},compression=${compression}`,
          ),
          `type=local,dest=${work.path('local')}`,
          'type=image',
        ].flatMap(output => ['-o', output]);
        const told = ['--metadata-file', work.path('metadata.json'), '--iidfile', work.path('iid')];
        const args = ['build', '-t', 'app:2', '--no-cache', ...outputs, ...told, ...secrets, context];
        const outcome = await work.stagecraft(args, { env });
        assert.equal(outcome.code, 0, outcome.stderr);
        assert.ok(existsSync(work.path('local/by-heredoc')));
        assertNoTrace(outcome);
        const graph = await work.stagecraft(['build', '--call=llb,format=json', ...secrets, context], {
          env,
        });
        assert.match(graph.stdout, /secret/);
        assertNoTrace(graph);
      });

      test('in keys: another value finds what was built', async () => {
        const context = work.context(files);
        const first = await work.build(context, secrets, { env });
        const second = await work.build(context, secrets, { env: { THE_TOKEN: 'another' } });
        assert.ok(second.steps.every(({ cached }) => cached));
        assertNoTrace(first);
      });

      test('when a step fails, or what it wants is not there', async () => {
        const failing = `${busyboxStage}FROM busybox
RUN --mount=type=secret,id=file --mount=type=secret,id=variable,env=TOKEN \\
    mkdir /made && cp /bin/busybox /made && test -s /run/secrets/file && test "$TOKEN" = no
`;
        for (const Dockerfile of [failing, failing.replace('id=file', 'id=absent,required')]) {
          const args = ['build', '--progress=plain', ...secrets, work.context({ ...files, Dockerfile })];
          const outcome = await work.stagecraft(args, { env: { ...env, STAGECRAFT_DEBUG: '1' } });
          assert.equal(outcome.code, 1, outcome.stderr);
          assertNoTrace(outcome);
        }
      });

      for (const rung of rungsHere)
        test(`while a step runs in the ${rung} sandbox, and after the build was killed`, async () => {
          const args = ['build', '--no-cache', '--progress=plain', ...secrets];
          const context = work.context({ ...files, Dockerfile: waiting });
          const mark = `secrets-${rung}-${word()}`;
          const running = work.start([...args, context], {
            env: { ...env, STAGECRAFT_SANDBOX: rung, MARK: mark },
          });
          await until(() => /the step runs/.test(running.stderr()) || running.child.exitCode !== null);
          assert.equal(running.child.exitCode, null, running.stderr());
          assertNoTrace();
          running.child.kill('SIGKILL');
          assertNoTrace(await running.outcome);
          assert.deepEqual(await awaitNoRemains(work.store, mark), []);
          assertNoTrace();
        });

      test('as the search would find one that was printed or kept', async () => {
        const careless = `${busyboxStage}FROM busybox
RUN --mount=type=secret,id=file cat /run/secrets/file >/kept
RUN --mount=type=secret,id=variable,env=TOKEN echo "$TOKEN" | base64
`;
        const context = place.context({ ...files, Dockerfile: careless });
        const output = `type=oci,dest=${place.path('kept.tar')},compression=gzip,force-compression=true`;
        const args = ['build', '-o', output, '--progress=plain', ...secrets, context];
        const { stderr } = await place.stagecraft(args, { env });
        assert.deepEqual(findInText(inVariable, stderr), ['base64']);
        assert.ok(findTraces(inFile, [join(place.store, 'layers')]).some(line => /kept.*content/.test(line)));
        await tool(
          'sh',
          '-c',
          `mkdir ${place.path('out')} && tar -C ${place.path('out')} -xf ${place.path('kept.tar')}`,
        );
        assert.ok(findTraces(inFile, [place.path('out')]).some(line => /decompressed/.test(line)));
      });
    });
});

suite('SSH keys leave no trace', {
  skip: needs('busybox', 'ssh-keygen', 'ssh-add', 'ssh-agent', 'ldd'),
}, () => {
  const work = new Workspace();
  const place = new Workspace();
  const began = Date.now();

  test('of a key that a step used, neither as it is written nor its number', async () => {
    const key = place.path('id_ed25519');
    await tool('ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-C', 'comment', '-f', key);
    const context = work.context({
      Dockerfile: `${busyboxStage}FROM busybox
COPY host /
RUN --mount=type=ssh,required mkdir -p /etc && echo root:x:0:0::/root:/bin/sh >/etc/passwd && ssh-add -l
RUN if [ -e "$SSH_AUTH_SOCK" ] || ls -A /run/buildkit 2>/dev/null; then exit 1; fi
`,
      busybox: busyboxFile,
      ...hostPrograms('host', ['ssh-add']),
    });
    const output = ['-o', 'type=image', '-o', `type=oci,dest=${work.path('app.tar')}`, '-t', 'app'];
    const outcome = await work.build(context, [...output, `--ssh=default=${key}`]);
    assert.match(outcome.log, /ED25519/);
    const written = readFileSync(key, 'utf8').split('\n').slice(1, -2);
    const bytes = Buffer.from(written.join(''), 'base64');
    // The seed is followed by the public key, which also stands in front of it (RFC 8032, openssh-key-v1).
    const seed = bytes.subarray(bytes.lastIndexOf('ssh-ed25519') + 11 + 4 + 32 + 4).subarray(0, 32);
    for (const value of [seed, ...written]) {
      assert.deepEqual(
        [...findTraces(value, [work.directory]), ...findTraces(value, temporaryFiles(began), began)],
        [],
      );
      assert.deepEqual(findInText(value, `${outcome.stdout}${outcome.stderr}`), []);
    }
  });
});

function word(): string {
  return randomBytes(18).toString('base64url');
}

/** What appeared since a time where programs leave files that nobody looks for, but for the directories of tests. */
function temporaryFiles(since: number): string[] {
  return [...new Set([tmpdir(), '/tmp', '/var/tmp', '/run', '/dev/shm'])].flatMap(directory =>
    readdirSync(directory)
      .filter(name => !name.startsWith('stagecraft-'))
      .map(name => join(directory, name))
      .filter(path => (statSync(path, { throwIfNoEntry: false })?.ctimeMs ?? 0) >= since),
  );
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await sleep(50);
}
