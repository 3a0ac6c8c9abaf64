// biome-ignore-all lint/suspicious/noTemplateCurlyInString: it is the syntax under test
import assert from 'node:assert/strict';
import {
  chmodSync,
  lstatSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { requestOf, resolverOf } from '../frontend/testing.ts';
import type { Finding } from '../lint/types.ts';
import { unmarshal } from '../llb/index.ts';
import { fc } from '../util/property.ts';
import { planAndCheck } from './checked-plan.ts';
import type { Checker } from './checks.ts';
import { type Fixed, fixDockerfile, writeInPlace } from './fixes.ts';

const images = resolverOf({ 'docker.io/library/a:latest': {}, 'docker.io/library/b:latest': {} });

function plan(text: Uint8Array) {
  const request = requestOf(text, { allStages: true, resolveImage: images });
  return planAndCheck(request, () => undefined, 'warning');
}

/** Mends a text, without any file. */
async function fix(text: string | Uint8Array): Promise<Fixed & { text: string; rules: string[] }> {
  const before = typeof text === 'string' ? Buffer.from(text) : text;
  const checker: Checker = {
    async check(_, data = before) {
      const { findings, error } = await plan(data);
      return { name: 'Dockerfile', path: undefined, data, findings, error, unknownImages: [] };
    },
    close() {},
  };
  const fixed = await fixDockerfile(checker, { context: '.' });
  const rules = [...new Set(fixed.applied.map(({ rule }: Finding) => rule))];
  return { ...fixed, text: Buffer.from(fixed.report.data).toString(), rules };
}

const cases: [what: string, before: string, after: string][] = [
  ['stage names', 'FROM a AS Xy\nFROM xY\n', 'FROM a AS xy\nFROM xY\n'],
  ['AS', 'from a AS x\n', 'from a as x\n'],
  ['instructions', 'FROM a\nrun x\nCopy x y\n', 'FROM a\nRUN x\nCOPY x y\n'],
  ['FROM with its AS', 'from a as x\nRUN x\nRUN y\n', 'FROM a AS x\nRUN x\nRUN y\n'],
  ['empty lines', 'FROM a\nRUN x && \\\n\n \t\n  y\n\nRUN z\n', 'FROM a\nRUN x && \\\n  y\n\nRUN z\n'],
  ['one word', 'FROM a\nENV k v\nLABEL l $w\n', 'FROM a\nENV k=v\nLABEL l=$w\n'],
  ['several words', 'FROM a\nENV k v  w # x\n', 'FROM a\nENV k="v  w # x"\n'],
  [
    'an author',
    'FROM a\nMAINTAINER Me "$x" \\o <a@b>\n',
    'FROM a\nLABEL org.opencontainers.image.authors="Me \\"\\$x\\" \\\\o <a@b>"\n',
  ],
  ['a platform', 'FROM --platform=$TARGETPLATFORM  a AS x\n', 'FROM a AS x\n'],
  ['ports', 'FROM a\nEXPOSE 80/TCP 127.0.0.1:81:82/UDP\n', 'FROM a\nEXPOSE 80/tcp 82/udp\n'],
  ['a command', 'FROM scratch\nCMD node  --x=1 a.js\n', 'FROM scratch\nCMD ["node", "--x=1", "a.js"]\n'],
];

for (const [what, before, after] of cases)
  test(`${what} are mended, once and for all`, async () => {
    assert.equal((await fix(before)).text, after);
    assert.deepEqual((await fix(after)).applied, []);
  });

test('what would mean something else stays as it is', async () => {
  for (const text of [
    'FROM a\nENV k "v w" x\n',
    "FROM a\nLABEL k it's\n",
    'FROM a\nENV k v \\\n  w\n',
    'FROM a\nENV $k v\n',
    'FROM a\nENV k ${x:-y z}\n',
    'FROM a\nCMD node a.js && b\n',
    'FROM a\nCMD exec node\n',
    'FROM a\nCMD A=1 node\n',
    'FROM a\nCMD node *.js\n',
    'FROM a\nENTRYPOINT ["x"]\nCMD node a.js\n',
    'FROM a\nENTRYPOINT node a.js\nCMD ["x"]\n',
    'FROM a\nENV p=80/TCP\nEXPOSE $p\n',
    'FROM a\nENV k=1\nRUN <<E\nENV k v\n\n\nE\n',
  ])
    assert.equal((await fix(text)).text, text);
});

test('line ends and a byte order mark stay', async () => {
  const { text } = await fix('\ufefffrom a\r\nRUN x \\\r\n\r\n y\r\nENV k v\r\n');
  assert.equal(text, '\ufeffFROM a\r\nRUN x \\\r\n y\r\nENV k=v\r\n');
});

test('a file that is not UTF-8 is left alone', async () => {
  const bytes = Buffer.from('from a\nRUN x\nRUN y\n# \xff\n', 'latin1');
  await assert.rejects(fix(bytes), { code: 'unsupported', message: /not UTF-8/ });
});

test('a file keeps its mode and its links when it is written', () => {
  const directory = mkdtempSync(join(tmpdir(), 'stagecraft-fixes-'));
  after(() => rmSync(directory, { recursive: true }));
  const file = join(directory, 'Dockerfile');
  const link = join(directory, 'link');
  writeFileSync(file, 'before');
  chmodSync(file, 0o640);
  symlinkSync('Dockerfile', link);
  writeInPlace(link, Buffer.from('after'));
  assert.equal(readFileSync(file, 'utf8'), 'after');
  assert.equal(statSync(file).mode & 0o777, 0o640);
  assert.ok(lstatSync(link).isSymbolicLink());
  assert.deepEqual(readdirSync(directory), ['Dockerfile', 'link']);
});

const keyword = (name: string) =>
  fc.constantFrom(name, name.toLowerCase(), name.slice(0, 1) + name.slice(1).toLowerCase());
const word = fc.constantFrom(
  'x',
  'y/z',
  '$K',
  '${L:-d}',
  '"q r"',
  "'s t'",
  'a\\ b',
  '#',
  '%',
  'é',
  '`c`',
  '80/TCP',
);
const words = fc.array(word, { minLength: 1, maxLength: 4 }).map(all => all.join(' '));
const end = fc.constantFrom('\n', '\r\n');
const instruction = fc.oneof(
  fc.tuple(keyword('ENV'), fc.constantFrom('K', 'L', 'M.n', '$K', '"q"'), words).map(all => all.join(' ')),
  fc.tuple(keyword('LABEL'), fc.constantFrom('k', 'l-m'), words).map(all => all.join('  ')),
  fc.tuple(keyword('ENV'), word).map(([env, value]) => `${env} K=${value}`),
  fc.tuple(keyword('MAINTAINER'), words).map(all => all.join(' ')),
  fc.tuple(keyword('RUN'), words).map(([run, text]) => `${run} ${text} \\\n\n \n  && z`),
  fc.tuple(keyword('RUN'), words).map(([run, text]) => `${run} cat <<E \\\n\n  && ${text}\n\nENV a b\nE`),
  fc
    .tuple(keyword('EXPOSE'), fc.constantFrom('80/TCP', '1.2.3.4:1:2/Udp 8/SCTP', '3:4'))
    .map(all => all.join(' ')),
  fc.tuple(keyword('CMD'), words).map(all => all.join(' ')),
  fc.tuple(keyword('ENTRYPOINT'), words).map(all => all.join(' ')),
  fc.tuple(keyword('ONBUILD'), fc.constantFrom('cmd x', 'ENV a b', 'expose 1/TCP')).map(all => all.join(' ')),
);
const stage = fc
  .tuple(
    keyword('FROM'),
    fc.constantFrom('', '--platform=$TARGETPLATFORM ', '--platform=${TARGETPLATFORM}\\\n '),
    fc.constantFrom('a', 'b', 'scratch'),
    fc.constantFrom('', ' AS One', ' as two', ' As tHREE'),
    fc.array(instruction, { maxLength: 6 }),
  )
  .map(([from, platform, base, as, lines]) => [`${from} ${platform}${base}${as}`, ...lines].join('\n'));
const dockerfile = fc
  .tuple(
    fc.constantFrom('', '\ufeff'),
    fc.constantFrom('', '# escape=`\n'),
    fc.array(stage, { minLength: 1, maxLength: 3 }),
    end,
  )
  .map(([mark, directive, stages, lineEnd]) =>
    `${mark}${directive}${stages.join('\n')}\n`.replaceAll('\n', lineEnd),
  );

test('a mended Dockerfile builds the same, but for what a fix says it changes', async () => {
  let mended = 0;
  await fc.assert(
    fc.asyncProperty(dockerfile, async text => {
      const before = await plan(Buffer.from(text)).catch(() => undefined);
      if (before?.plan === undefined) return;
      const fixed = await fix(text);
      const { plan: after, error } = await plan(fixed.report.data);
      assert.ok(after, error?.message ?? 'it cannot be planned');
      if (fixed.applied.length > 0) mended++;
      const graph = (planned: typeof after) => unmarshal(planned.result.definition).target;
      assert.deepEqual(graph(after), graph(before.plan), fixed.text);
      if (fixed.rules.some(rule => rule === 'MaintainerDeprecated' || rule === 'JSONArgsRecommended')) return;
      assert.deepEqual(after.result.config, before.plan.result.config, fixed.text);
    }),
    { numRuns: 300 },
  );
  assert.ok(mended > 50, `only ${mended} were mended`);
});
