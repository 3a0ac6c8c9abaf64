import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { withBusybox } from './support/busybox.ts';
import { needs } from './support/needs.ts';
import { makeUser, needsUsers, unreachableFor } from './support/users.ts';
import { type Files, Workspace } from './support/workspace.ts';

const epoch = 1_700_000_000;
const arg = ['--build-arg', `SOURCE_DATE_EPOCH=${epoch}`];

suite('with a source date', () => {
  const work = new Workspace();
  const long = 'long'.repeat(40);
  const plain = {
    Dockerfile: `FROM scratch
COPY --chown=5:6 file /made/file
COPY dir /dir
COPY --link --chmod=711 file /linked/
COPY <<EOF /made/document
text
EOF
WORKDIR /work/here
ENV KEY=value
LABEL one=1
CMD ["/made/file"]
`,
    file: { content: 'content', mode: 0o640 },
    dir: { directory: true, mode: 0o755 },
    'dir/sub': { directory: true, mode: 0o755 },
    [`dir/${long}`]: { directory: true, mode: 0o755 },
    'dir/a': { content: 'a', mode: 0o644 },
    'dir/sub/ü': { content: 'b', mode: 0o644 },
    'dir/sub/link': { link: '../a' },
    [`dir/${long}/file`]: { content: 'c', mode: 0o644 },
  } satisfies Files;

  // What BuildKit of August 2026 (0.32) makes of this context with the same options, `rewrite-timestamp=true` among them.
  for (const [platforms, extra, digest] of [
    ['linux/amd64', '', 'sha256:cf8f54860746d1e034e8b35c0e39b0e6655eddfde40200624a19ebcfd72e1569'],
    [
      'linux/amd64,linux/arm64',
      ',annotation-index.a=b',
      'sha256:d4092904ed23a01f6b6ca69746304d475744a4487ed2ecc323f0a9f2c99f5720',
    ],
    [
      'linux/amd64,linux/arm/v7',
      '',
      'sha256:fd2b527146913a6a18b6f2047feeea1eab192ce2113c06dad89c3967f9303ff6',
    ],
  ] as const)
    test(`makes the image for ${platforms} that BuildKit makes, to the digest`, async () => {
      const dest = work.path(`image-${platforms.length}-${extra.length}`);
      const options = 'rewrite-timestamp=true,compression=uncompressed,force-compression=true';
      const output = `type=oci,tar=false,dest=${dest},${options}${extra}`;
      await work.build(plain, [...arg, '--platform', platforms, '-o', output]);
      const { manifests } = JSON.parse(readFileSync(join(dest, 'index.json'), 'utf8'));
      assert.equal(manifests[0].digest, digest);
    });

  test('makes the archive of files that BuildKit makes, to the digest', async () => {
    const dest = work.path('files.tar');
    const platforms = ['--platform', 'linux/amd64,linux/arm64'];
    await work.build(plain, [...arg, ...platforms, '-o', `type=tar,dest=${dest}`]);
    const digest = createHash('sha256').update(readFileSync(dest)).digest('hex');
    assert.equal(digest, 'd1d3be35b30678c8f698e543568fb3cda7624e1a16d7a1bba08ecd7d4c6616f4');
  });

  test('rewrite-timestamp=true gives the same digest on any machine, whoever builds when and in what order, also of cached steps', {
    skip: needs('busybox') || needsUsers,
  }, async context => {
    const files = withBusybox(`FROM busybox AS one
RUN mkdir /out && echo one >/out/one && ln /out/one /out/same
FROM busybox AS two
RUN mkdir /out && echo two >/out/two && touch -d @5 /out/old
FROM busybox
COPY --from=one /out /out/
COPY --from=two /out /out/
RUN rm /bin/wget && echo three >/out/three && chown 1000:1000 /out/two
WORKDIR /work
`);
    const cache = work.path('cache');
    const build = async (own: Workspace, touched: number, ...args: string[]): Promise<string> => {
      const place = own.context(files);
      for (const name of readdirSync(place)) utimesSync(join(place, name), touched, touched);
      const output = 'type=image,rewrite-timestamp=true';
      const { stdout } = await own.stagecraft(['build', '-q', ...arg, '-o', output, ...args, place]);
      return stdout.trim();
    };
    const later = epoch + 86_400;
    const first = await build(work, later, '--jobs', '1', '--cache-to', `type=local,dest=${cache},mode=max`);
    assert.match(first, /^sha256:[0-9a-f]{64}$/);
    assert.equal(await build(new Workspace(), later + 1000, '--jobs', '8'), first);
    const cached = new Workspace();
    assert.equal(await build(cached, later + 2000, '--cache-from', `type=local,src=${cache}`), first);
    const user = new Workspace(makeUser('subordinate'));
    const unreachable = unreachableFor(user.user!);
    if (unreachable) return context.skip(unreachable);
    assert.equal(await build(user, later + 3000), first);
  });
});
