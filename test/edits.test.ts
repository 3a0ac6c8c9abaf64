import assert from 'node:assert/strict';
import {
  chmodSync,
  linkSync,
  mkdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { suite, test } from 'node:test';
import { isErrno } from '../src/util/errors.ts';
import { withBusybox } from './support/busybox.ts';
import { compareTrees, readTree } from './support/images.ts';
import { needs } from './support/needs.ts';
import { Random } from './support/random.ts';
import { Workspace } from './support/workspace.ts';

const rounds = 20;
const random = new Random(5);

/** A path of up to three of few names, so that edits meet each other. */
function somePath(root: string): string {
  return join(root, ...Array.from({ length: 1 + random.below(3) }, () => random.pick(['a', 'b', 'c', 'd'])));
}

/** Changes the context in one of the ways in which people, editors and version control do. */
const edits: readonly ((context: string, path: string) => void)[] = [
  (_, path) => {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, String(random.below(3)));
  },
  (_, path) => {
    // Another text of the same size and time.
    const { atime, mtime } = statSync(path);
    writeFileSync(path, String(random.below(3)));
    utimesSync(path, atime, mtime);
  },
  (_, path) => rmSync(path, { recursive: true }),
  (_, path) => chmodSync(path, random.pick([0o644, 0o600, 0o755])),
  (_, path) => {
    rmSync(path, { force: true });
    symlinkSync(random.pick(['a', '../b', 'nowhere']), path);
  },
  (context, path) => renameSync(path, somePath(join(context, 'src'))),
  (context, path) => linkSync(path, somePath(join(context, 'src'))),
  (_, path) => mkdirSync(path, { recursive: true }),
  context => {
    const patterns = random.pick(['', 'src/a\n', '**/b\n', 'src/*\n!src/c\n']);
    writeFileSync(join(context, '.dockerignore'), patterns);
  },
];

/** An edit that cannot be made, such as one of a file that is not there, is none. */
function editSome(context: string): void {
  for (let count = 1 + random.below(5); count > 0; count--) {
    try {
      random.pick(edits)(context, somePath(join(context, 'src')));
    } catch (error) {
      if (
        !isErrno(
          error,
          'ENOENT',
          'ENOTDIR',
          'EISDIR',
          'EEXIST',
          'EINVAL',
          'ENOTEMPTY',
          'ELOOP',
          'EPERM',
          'ERR_FS_EISDIR',
          'ERR_FS_CP_EINVAL',
        )
      )
        throw error;
    }
  }
}

const instructions = [
  'COPY src /src',
  'COPY src/a* src/b* Dockerfile /globbed/',
  'COPY --chmod=755 src/ /modes/',
  'COPY --chown=3:4 src/c* Dockerfile /owned/',
  'COPY . /all',
  'COPY --from=list /list /from/',
  'RUN find /src /globbed /modes /all 2>/dev/null | sort >/found; true',
  'RUN rm -rf /src/a /globbed/b; true',
  'RUN --mount=type=bind,target=/context cat /context/src/* 2>/dev/null | sort >/read; true',
];

function someDockerfile(): string {
  const lines = Array.from({ length: 2 + random.below(3) }, () => random.pick(instructions));
  return withBusybox(`FROM busybox AS list
COPY src /src
RUN find /src | sort >/list
FROM busybox
${lines.join('\n')}
`).Dockerfile;
}

suite('a cache that has seen much', { skip: needs('busybox') }, () => {
  test(`gives what no cache gives, through ${rounds} rounds of edits`, async t => {
    const work = new Workspace();
    const context = work.context({ ...withBusybox(''), src: { directory: true } });
    let cached = 0;
    for (let round = 0; round < rounds; round++) {
      editSome(context);
      if (round === 0 || random.below(4) === 0) writeFileSync(join(context, 'Dockerfile'), someDockerfile());
      const [warm, cold] = [work.path(`warm-${round}`), work.path(`cold-${round}`)];
      const { steps } = await work.build(context, ['-o', warm]);
      await work.build(context, ['-o', cold], {
        env: { STAGECRAFT_ROOT: work.path('fresh', String(round)) },
      });
      assert.deepEqual(compareTrees(readTree(warm), readTree(cold)), [], `round ${round}`);
      cached += steps.filter(step => step.cached).length;
    }
    t.diagnostic(`${cached} steps were cached`);
    assert.ok(cached > rounds);
  });
});
