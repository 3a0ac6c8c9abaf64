import assert from 'node:assert/strict';
import { readdirSync, rmdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { withBusybox } from './support/busybox.ts';
import { Everyone } from './support/everyone.ts';
import { needs } from './support/needs.ts';
import { rungsHere } from './support/rungs.ts';
import { needsUsers } from './support/users.ts';

const skip = needsUsers || needs('busybox');

suite('what steps are limited to and told', { skip }, () => {
  const everyone = new Everyone(skip);
  const { root } = everyone;

  const dockerfile = `FROM busybox AS work
RUN df -k /dev/shm | tail -1 | awk '{print "shm", $2}' && ! dd if=/dev/zero of=/dev/shm/full bs=64k count=64 2>/dev/null
RUN echo nofile $(ulimit -Sn) $(ulimit -Hn) core $(ulimit -c)
RUN grep -e first -e second -e third -e gateway -e six /etc/hosts && hostname
RUN --network=none grep first /etc/hosts && hostname -i >/dev/null && echo alone
`;
  const flags = [
    ...['--shm-size=2m', '--ulimit=nofile=100:200', '--ulimit=core=0'],
    ...['--add-host=first:192.0.2.1', '--add-host=second=192.0.2.2', '--add-host=third:192.0.2.3'],
    ...['--add-host=gateway:host-gateway', '--add-host=six:[2001:db8::1]'],
    '--build-arg=BUILDKIT_SANDBOX_HOSTNAME=myhost',
  ];

  for (const { who, work, rung, skip: unreachable } of everyone.places) {
    const env = { STAGECRAFT_SANDBOX: rung };

    test(`is what the flags say: ${who}`, { skip: unreachable }, async () => {
      const { log } = await work.build(withBusybox(dockerfile), ['--no-cache-filter=work', ...flags], {
        env,
      });
      assert.match(log, /^shm 2048$/m);
      assert.match(log, /^nofile 100 200 core 0$/m);
      assert.match(
        log,
        /^192.0.2.1\s+first\n192.0.2.2\s+second\n192.0.2.3\s+third\n127.0.0.1\s+gateway\n2001:db8::1\s+six\nmyhost$/m,
      );
      assert.match(log, /^192.0.2.1\s+first\nalone$/m);
    });

    test(`is told when it cannot be: ${who}`, { skip: unreachable }, async () => {
      const context = work.context(withBusybox('FROM busybox\nRUN true\n'));
      const open = await work.tryBuild(context, ['--ulimit=nofile=4000000000'], { env });
      assert.equal(open.code, 1);
      assert.match(
        open.message,
        /The limit nofile cannot be 4000000000: this (user|machine) allows no more than \d+/,
      );
      assert.match(open.message, />>> RUN/);
      if (work === root) return;
      const group = await work.tryBuild(context, ['--cgroup-parent=stagecraft-no'], { env });
      assert.equal(group.code, 1);
      assert.match(group.message, /No control group can be made in|There are no control groups here/);
    });
  }

  const hierarchies = needs('root')
    ? []
    : readdirSync('/sys/fs/cgroup').map(name => join('/sys/fs/cgroup', name));
  const parent = `stagecraft-limits-${process.pid}`;
  const skipGroups = skip || (hierarchies.length === 0 && 'needs control groups');
  for (const rung of rungsHere)
    test(`is below the control group asked for: root in the ${rung} sandbox`, {
      skip: skipGroups,
    }, async () => {
      root.atEnd(() => {
        for (const place of [join('/sys/fs/cgroup', parent), ...hierarchies.map(each => join(each, parent))])
          if (statSync(place, { throwIfNoEntry: false })) rmdirSync(place);
      });
      const { log } = await root.build(
        withBusybox('FROM busybox AS work\nRUN cat /proc/1/cgroup\n'),
        ['--no-cache-filter=work', `--cgroup-parent=${parent}`],
        { env: { STAGECRAFT_SANDBOX: rung } },
      );
      assert.match(log, new RegExp(`/${parent}/stagecraft-`));
    });
});
