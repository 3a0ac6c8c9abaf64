import assert from 'node:assert/strict';
import { test } from 'node:test';
import { plan } from './testing.ts';

const lines = (line: (i: number) => string, count: number) =>
  Array.from({ length: count }, (_, i) => line(i)).join('\n');

test('thousands of variables, labels, volumes and ports come to an end', { timeout: 60_000 }, async () => {
  const count = 6000;
  const { config } = await plan(`FROM scratch
${lines(i => `ENV V${i}=${i}\nLABEL l${i}=${i}\nVOLUME /v${i}`, count)}
EXPOSE 0-65535
${lines(i => `EXPOSE ${i}/udp`, count)}`);
  assert.equal(config.config?.Env?.length, count + 1);
  assert.equal(Object.keys(config.config?.Labels ?? {}).length, count);
  assert.equal(Object.keys(config.config?.Volumes ?? {}).length, count);
  assert.equal(Object.keys(config.config?.ExposedPorts ?? {}).length, 65_536 + count);
});

test('what a stage adds is not in the stage that it is made from, nor in another one made from it', async () => {
  const text = `FROM scratch AS base
ENV A=1
LABEL a=1
EXPOSE 1
VOLUME /1
FROM base AS one
ENV A=2 B=2
LABEL a=2 b=2
EXPOSE 2
VOLUME /2
FROM base AS two
COPY --from=one / /
LABEL c=3
ENV C=3`;
  const { config = {} } = (await plan(text, { target: 'two' })).config;
  assert.deepEqual(config.Env?.slice(-2), ['A=1', 'C=3']);
  assert.deepEqual(config.Labels, { a: '1', c: '3' });
  assert.deepEqual(config.ExposedPorts, { '1/tcp': {} });
  assert.deepEqual(config.Volumes, { '/1': {} });
});

test('any name is a name, also those that objects have by themselves', async () => {
  const names = ['__proto__', 'constructor', 'toString'];
  const text = [
    'FROM scratch',
    ...names.flatMap(name => [`LABEL ${name}=1`, `VOLUME ${name}`, `ENV ${name}=1`]),
  ];
  const { config = {} } = (await plan(text.join('\n'))).config;
  assert.deepEqual(Object.keys(config.Labels ?? {}), names);
  assert.deepEqual(Object.keys(config.Volumes ?? {}).sort(), [...names].sort());
  assert.deepEqual(config.Env?.slice(-3), ['__proto__=1', 'constructor=1', 'toString=1']);
});
